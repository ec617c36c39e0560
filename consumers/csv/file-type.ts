/** What is called .csv and is not: told by its first bytes, so that the user hears its name and not a parser's complaint. */

const binary: readonly (readonly [name: string, hint: string, signature: string, at?: number])[] = [
  ['an old Excel workbook (.xls)', 'save it as CSV', 'd0cf11e0a1b11ae1'],
  ['a PDF document', 'export the data as CSV', Buffer.from('%PDF-').toString('hex')],
  ['an RTF document', 'export the data as CSV', Buffer.from('{\\rtf').toString('hex')],
  ['a zstd archive', 'unpack it first', '28b52ffd'],
  ['an xz archive', 'unpack it first', 'fd377a585a00'],
  ['a 7-Zip archive', 'unpack it first', '377abcaf271c'],
  ['a RAR archive', 'unpack it first', Buffer.from('Rar!\u001A\u0007').toString('hex')],
  ['a tar archive', 'unpack it first', Buffer.from('ustar').toString('hex'), 257],
  ['a gzip file inside a gzip file', 'unpack it first', '1f8b'],
  ['a Parquet file', 'export the data as CSV', Buffer.from('PAR1').toString('hex')],
  ['an SQLite database', 'export the data as CSV', Buffer.from('SQLite format 3\0').toString('hex')],
  ['a PNG image', 'name the CSV file', '89504e470d0a1a0a'],
  ['a JPEG image', 'name the CSV file', 'ffd8ff'],
  ['text in UTF-32', 'save it as UTF-8', 'fffe0000'],
  ['text in UTF-32', 'save it as UTF-8', '0000feff'],
];

/** Files of disburse itself, by their first line. */
const own: readonly (readonly [name: string, hint: string, start: string])[] = [
  ['a sealed upload of the console', 'hand it over on /upload there, or use the file that was uploaded', '{"format":"disburse-upload"'],
  ['a sealed export of a ledger', 'disburse ledger import reads it', '{"format":"disburse-ledger"'],
];

const sentence = (name: string, hint: string): string => `This is not CSV but ${name}: ${hint}.`;

/** @returns a sentence for a file that disburse keeps for itself, whatever its name */
export function ownFileType(head: Buffer): string | undefined {
  const found = own.find(([, , start]) => head.toString('latin1', 0, start.length) === start);
  return found === undefined ? undefined : sentence(found[0], found[1]);
}

/** A zip is recognised by its content: the names of its members are uncompressed near the front. */
function zip(head: Buffer): string {
  const front = head.toString('latin1');
  if (front.includes('mimetypeapplication/vnd.oasis.opendocument')) return sentence('an OpenDocument spreadsheet (.ods)', 'save it as CSV');
  if (front.includes('xl/') || front.includes('[Content_Types].xml')) return sentence('an Excel workbook (.xlsx)', 'save it as CSV');
  if (front.includes('.numbers') || front.includes('Index/Document.iwa')) return sentence('a Numbers spreadsheet', 'export it as CSV');
  return sentence('a zip archive', 'unpack it first');
}

/** @returns a sentence naming what these first bytes of a file are, or undefined when they may be text */
export function fileTypeOfBytes(head: Buffer): string | undefined {
  if (/^504b(?:0304|0506|0708)/.test(head.toString('hex', 0, 4))) return zip(head);
  const ours = ownFileType(head);
  if (ours !== undefined) return ours;
  // "BZh" alone could begin a word; what follows it in bzip2 is fixed.
  if (/^BZh[1-9](?:1AY&SY|\u0017rE8P)/.test(head.toString('latin1', 0, 10))) return sentence('a bzip2 archive', 'unpack it first');
  const found = binary.find(([, , signature, at = 0]) => head.toString('hex', at, at + signature.length / 2) === signature);
  return found === undefined ? undefined : sentence(found[0], found[1]);
}

/** @returns the same for the first characters of a text */
export function fileTypeOfText(head: string): string | undefined {
  const start = head.trimStart().slice(0, 1000);
  if (/^<\?xml|^<(?:ss:)?workbook/i.test(start)) return sentence('an XML document', 'save it as CSV');
  if (start.startsWith('<'))
    return sentence('a web page (HTML)', 'a login or error page was saved, or a table was exported as HTML; export it as CSV');
  if (/^[{[]/.test(start)) return sentence('JSON', 'convert it to CSV');
  if (/^MIME-Version:/i.test(start)) return sentence('a web archive (MHTML)', 'save it as CSV');
  return undefined;
}
