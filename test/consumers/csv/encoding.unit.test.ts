import iconv from 'iconv-lite';
import { describe, expect, it } from 'vitest';
import { createDecoder } from '../../../consumers/csv/decoder.ts';
import { canonicalEncoding, encodingNames } from '../../../consumers/csv/encoding.ts';
import { broken, read, told } from './reading.ts';

const table = 'id,name\n1,Zoë\n2,Übermut\n';
const cells = [
  ['1', 'Zoë'],
  ['2', 'Übermut'],
];
const big = (text: string): Buffer => Buffer.from(text, 'utf16le').swap16();

describe('a file says itself what it is, or the user does', () => {
  it.each([
    ['UTF-8 without a mark', Buffer.from(table), {}, 'utf-8'],
    ['UTF-8 with a mark', Buffer.from(`\uFEFF${table}`), {}, 'utf-8'],
    ['UTF-8 with a mark and by name', Buffer.from(`\uFEFF${table}`), { encoding: 'UTF8' }, 'utf-8'],
    ['UTF-16LE by its mark', Buffer.from(`\uFEFF${table}`, 'utf16le'), {}, 'utf-16le'],
    ['UTF-16BE by its mark', big(`\uFEFF${table}`), {}, 'utf-16be'],
    ['UTF-16LE by mark and name', Buffer.from(`\uFEFF${table}`, 'utf16le'), { encoding: 'utf-16le' }, 'utf-16le'],
    ['UTF-16BE by mark and half a name', big(`\uFEFF${table}`), { encoding: 'UTF-16' }, 'utf-16be'],
    ['UTF-16LE by name', Buffer.from(table, 'utf16le'), { encoding: 'utf-16le' }, 'utf-16le'],
    ['UTF-16BE by name', big(table), { encoding: 'utf_16be' }, 'utf-16be'],
    ['windows-1252 by name', iconv.encode(table, 'windows-1252'), { encoding: 'CP1252' }, 'windows-1252'],
    ['iso-8859-1 by name', iconv.encode(table, 'iso-8859-1'), { encoding: 'latin1' }, 'iso-8859-1'],
  ])('is decoded by its mark or by the option: %s', async (_, bytes, options, name) => {
    const { csv, rows } = await read(bytes, options);
    expect(csv.encoding).toBe(name);
    expect(csv.header).toEqual(['id', 'name']);
    expect(rows.map((row) => row.cells)).toEqual(cells);
  });

  it('reads the same byte as each encoding has it', async () => {
    const bytes = Buffer.concat([Buffer.from('a,b\n'), Buffer.from([0xa4]), Buffer.from(',1\n')]);
    const cell = async (encoding: string): Promise<string | undefined> => (await read(bytes, { encoding })).rows[0]?.cells[0];
    expect(await cell('iso-8859-15')).toBe('€');
    expect(await cell('iso-8859-1')).toBe('¤');
    expect(await cell('windows-1251')).toBe('¤');
    expect(await cell('iso-8859-5')).toBe('Є');
  });

  it.each(encodingNames.filter((name) => !name.startsWith('utf') && name !== 'shift_jis'))(
    'reads all that %s assigns and nothing else',
    async (encoding) => {
      const decoded = iconv.decode(Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)), encoding);
      const found: unknown[] = [];
      const wanted: unknown[] = [];
      for (let byte = 0x80; byte <= 0xff; byte += 1) {
        const bytes = Buffer.concat([Buffer.from('a,b\n1,'), Buffer.from([byte]), Buffer.from('\n')]);
        const outcome = await read(bytes, { encoding }).catch(told);
        found.push('rows' in outcome ? outcome.rows[0]?.cells[1] : outcome);
        wanted.push(decoded[byte] === '\uFFFD' ? [[2, 'encoding_invalid']] : decoded[byte]);
      }
      expect(found).toEqual(wanted);
    },
  );

  it('reads shift_jis, whose second bytes may look like delimiters and quotes, in pieces of any length', () => {
    const text = 'id,name\n1,\u30bd\u30fc\u30c8\n2,\u8868\u7e3d\u30dd\uff71\n';
    const bytes = iconv.encode(text, 'shift_jis');
    for (let size = 1; size <= 5; size += 1) {
      const decoder = createDecoder('shift_jis', 0);
      let found = '';
      for (let from = 0; from < bytes.length; from += size) found += decoder.decode(bytes.subarray(from, from + size)).text;
      expect([found + decoder.end().text, decoder.byteLength(text)]).toEqual([text, bytes.length]);
    }
  });

  it.each([
    ['a lead byte at the end of a line', [0x83, 0x0a]],
    ['a byte that is never used', [0xff, 0x0a]],
    ['a pair that means nothing', [0xfc, 0xfc, 0x0a]],
  ])('refuses %s in shift_jis', async (_, odd) => {
    const bytes = Buffer.concat([Buffer.from('a,b\n1,'), iconv.encode('\u8868', 'shift_jis'), Buffer.from(odd)]);
    expect(await read(bytes, { encoding: 'sjis' }).catch(told)).toEqual([[2, 'encoding_invalid']]);
  });

  it.each([
    ['Zo\u00eb', 'Jos\u00e9 Mu\u00f1oz'],
    ['M\u00fcller', 'Stra\u00dfe'],
    ['O\u2019Brien', 'Bj\u00f6rn'],
  ])('a Mac file without a name (%s) is said to look like one, and is read right under it', async (one, other) => {
    const text = `a,b\n${one},${other}\n`;
    const bytes = iconv.encode(text, 'macintosh');
    expect((await broken(bytes)).problems[0].message).toMatch(/looks like .* Mac .*--encoding macintosh/);
    expect((await read(bytes, { encoding: 'macintosh' })).rows[0]?.cells).toEqual([one, other]);
  });

  it.each(['Zo\u00eb', 'M\u00fcller', '\u201cBob\u201d O\u2019Brien', 'Espa\u00f1a \u2013 Jos\u00e9', '\u20ac 5\u2026'])(
    'a windows-1252 file without a name (%s) is not taken for one of a Mac',
    async (name) => {
      const { problems } = await broken(iconv.encode(`a,b\n1,${name}\n`, 'windows-1252'));
      expect(problems[0].message).toContain('windows-1252 (Western Europe)');
    },
  );

  it('knows the names people use', () => {
    expect(['win-1250', 'Windows1258', 'ISO_8859-16', 'latin-9', 'us-ascii'].map(canonicalEncoding)).toEqual([
      'windows-1250',
      'windows-1258',
      'iso-8859-16',
      'iso-8859-15',
      'utf-8',
    ]);
    expect(canonicalEncoding('iso-8859-12')).toBeUndefined();
  });
});

describe('what cannot be read is reported by line and offset', () => {
  it.each([
    ['a byte that is no UTF-8', Buffer.from('a,b\n1,2\n3,\xe9x\n', 'latin1'), {}, 3, 10],
    ['the same behind a mark', Buffer.from('\xef\xbb\xbfa,b\n1,2\n3,\xe9x\n', 'latin1'), {}, 3, 13],
    ['behind characters of several bytes', Buffer.concat([Buffer.from('a,b\nZoë,€\n\u{1F600}\uFFFD'), Buffer.from([0x80])]), {}, 3, 20],
    ['an overlong form', Buffer.concat([Buffer.from('a,b\n'), Buffer.from([0xc0, 0xaf])]), {}, 2, 4],
    ['a surrogate in UTF-8', Buffer.concat([Buffer.from('a,b\n'), Buffer.from([0xed, 0xa0, 0x80])]), {}, 2, 4],
    ['a character cut off at the end', Buffer.from('a,b\n1,€').subarray(0, -1), {}, 2, 6],
    ['0x81 in windows-1252', Buffer.from('a,b\n1,\x81\n', 'latin1'), { encoding: 'windows-1252' }, 2, 6],
    ['0xD2 in windows-1253', Buffer.from('a,b\n1,\xe1\xd2\n', 'latin1'), { encoding: 'windows-1253' }, 2, 7],
    ['0xA5 in iso-8859-3', Buffer.from('a,b\n1,\xa5\n', 'latin1'), { encoding: 'iso-8859-3' }, 2, 6],
    ['an odd byte in UTF-16', Buffer.concat([Buffer.from('\uFEFFa,b\n', 'utf16le'), Buffer.from([0x31])]), {}, 2, 10],
    ['half a pair in UTF-16LE', Buffer.from('\uFEFFa,b\n\uD83Dx\n', 'utf16le'), {}, 2, 10],
    ['the other half in UTF-16BE', big('\uFEFFa,b\n1\uDE00\n'), {}, 2, 12],
    ['half a pair at the end', Buffer.from('\uFEFFa,b\n\uD83D', 'utf16le'), {}, 2, 10],
  ])('reports the line and offset of the invalid byte: %s', async (_, bytes, options, line, offset) => {
    const error = await broken(bytes, options);
    expect(told(error)).toEqual([[line, 'encoding_invalid']]);
    expect(error.problems[0].message).toContain(`(byte ${offset})`);
  });

  it('says which encoding to try', async () => {
    expect((await broken(Buffer.from('a,b\n1,\xe9\n', 'latin1'))).problems[0].message).toMatch(
      /--encoding.*windows-1252|windows-1252.*--encoding/,
    );
  });

  it('knows line and offset far into a large file, whatever is at the borders of what is read at once', async () => {
    const row = 'é€\u{1F600},x\n';
    const start = Buffer.from(`a,b\n${row.repeat(200_000)}`);
    const error = await broken(Buffer.concat([start, Buffer.from([0x31, 0xff])]));
    expect(told(error)).toEqual([[200_002, 'encoding_invalid']]);
    expect(error.problems[0].message).toContain(`0xFF`);
    expect(error.problems[0].message).toContain(`(byte ${start.length + 1})`);
  });

  it('reports a broken row before the invalid byte that follows it', async () => {
    expect(told(await broken(Buffer.from('a,b\nx"y"z,1\n1,\xe9\n', 'latin1')))).toEqual([[2, 'quote_bare']]);
  });

  it('passes on a U+FFFD that is in the file', async () => {
    expect((await read('a,b\nZo\uFFFD,1\n')).rows[0]?.cells[0]).toBe('Zo\uFFFD');
  });
});

describe('a character that comes in two pieces', () => {
  it.each(['utf-8', 'utf-16le', 'utf-16be'])('of %s is put together, though its buffer is used again', (encoding) => {
    const text = 'é\u{1F600}€';
    const bytes = encoding === 'utf-8' ? Buffer.from(text) : encoding === 'utf-16le' ? Buffer.from(text, 'utf16le') : big(text);
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      const decoder = createDecoder(encoding, 0);
      const piece = Buffer.from(bytes.subarray(0, cut));
      const first = decoder.decode(piece);
      piece.fill(0x41);
      const second = decoder.decode(bytes.subarray(cut));
      expect([first.text + second.text, first.fault, second.fault, decoder.end().fault]).toEqual([text, undefined, undefined, undefined]);
    }
  });
});

describe('an encoding that is not declared', () => {
  it.each([
    ['an unknown name', Buffer.from('a,b\n'), 'klingon', 'encoding_unknown'],
    ['a mark against a name', Buffer.from('\uFEFFa,b\n'), 'windows-1252', 'encoding_contradicts_mark'],
    ['a mark against another UTF-16', Buffer.from('\uFEFFa,b\n', 'utf16le'), 'utf-16be', 'encoding_contradicts_mark'],
    ['UTF-16 without its order', Buffer.from('a,b\n', 'utf16le'), 'utf-16', 'encoding_unmarked_utf16'],
  ])('an encoding is never guessed: %s', async (_, bytes, encoding, code) => {
    expect(told(await broken(bytes, { encoding }))).toEqual([[1, code]]);
  });

  it.each([
    ['utf-16le', Buffer.from('id,b\n', 'utf16le')],
    ['utf-16be', big('id,b\n')],
  ])('unmarked %s is reported, and not decoded', async (name, bytes) => {
    const error = await broken(bytes);
    expect(told(error)).toEqual([[1, 'encoding_unmarked_utf16']]);
    expect(error.problems[0].message).toContain(name);
  });
});
