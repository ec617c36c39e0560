/** The first record that is not blank. Before it there may be a `sep=` line. */
import type { Coverage } from './coverage-check.ts';
import { readCells } from './cells.ts';
import { readSepLine, detectDelimiter } from './delimiter.ts';
import type { TextBlock } from './records.ts';
import { structural } from './structural-error.ts';
import type { TextFile } from './text.ts';

/**
 * @property first the block that begins with the header: its first row
 * @property blank lines before the header without anything on them, first and last
 */
export interface HeaderFound {
  readonly header: readonly string[];
  readonly headerLine: number;
  readonly delimiter: string;
  readonly first: Coverage;
  readonly blank: { readonly from: number; readonly to: number } | undefined;
}

/** @param asked the delimiter that the user named; it goes before what the file says of itself */
export async function findHeader(
  { blocks, byteLength }: Pick<TextFile, 'blocks' | 'byteLength'>,
  asked: string | undefined,
): Promise<HeaderFound> {
  const skip = (block: TextBlock, length: number): TextBlock => {
    const skipped = block.text.slice(0, length);
    return {
      ...block,
      text: block.text.slice(length),
      line: block.line + skipped.split('\n').length - 1,
      offset: block.offset + byteLength(skipped),
    };
  };
  const next = async (): Promise<TextBlock> => {
    const taken = await blocks.next();
    if (taken.done === true) throw structural(1, 'header_missing', 'The file has no header line: the first line must name the columns.');
    return taken.value;
  };

  let block = await next();
  // Unless the whole line is here, it is not one.
  const firstLine = /^(?<line>[^\r\n]*)(?:\r?\n|$)/.exec(block.text);
  const sep = firstLine === null ? undefined : readSepLine(firstLine.groups?.['line'] ?? '');
  if (sep !== undefined) block = skip(block, firstLine?.[0].length ?? 0);
  const told = asked ?? sep;

  const blankFrom = block.line;
  for (;;) {
    block = skip(block, blankLength(block.text, told));
    if (block.text !== '') break;
    block = await next();
  }
  const delimiter = told ?? detectDelimiter(firstRecord(block.text), block.line);
  const first = readCells(block, delimiter, byteLength);
  const { line: headerLine, cells: header } = first.rows[0] ?? { line: block.line, cells: [] };
  return { header, headerLine, delimiter, first, blank: headerLine > blankFrom ? { from: blankFrom, to: headerLine - 1 } : undefined };
}

/**
 * How much of the text's beginning is lines with nothing, or nothing but delimiters, on them. Delimiters of every kind count: no
 * column has such a name, and the second reading, which knows the delimiter, must find the header that the first one found.
 */
function blankLength(text: string, delimiter: string | undefined): number {
  const signs = [',', ';', '\t', ...(delimiter === undefined ? [] : [delimiter])];
  let length = 0;
  for (let at = 0; at < text.length; at += 1) {
    const sign = text[at] ?? '';
    if (sign === '\n') length = at + 1;
    else if (!signs.includes(sign) && !(sign === '\r' && text[at + 1] === '\n')) return length;
  }
  return text.length;
}

function firstRecord(text: string): string {
  let end = text.indexOf('\n');
  while (end !== -1 && text.slice(0, end).split('"').length % 2 === 0) end = text.indexOf('\n', end + 1);
  return end === -1 ? text : text.slice(0, end);
}
