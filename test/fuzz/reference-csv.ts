/** RFC 4180 once more, as plainly as can be: what a file means, for comparing it with what was read. */

export interface ReferenceRecord {
  /** The physical line on which it begins, from 1. */
  readonly line: number;
  readonly cells: readonly string[];
}

/** @returns undefined when the text breaks the grammar */
export function readReference(text: string, delimiter: string): readonly ReferenceRecord[] | undefined {
  const records: ReferenceRecord[] = [];
  let line = 1;
  let at = 0;
  while (at < text.length) {
    const cells: string[] = [];
    const startLine = line;
    for (;;) {
      let cell = '';
      if (text[at] === '"') {
        const end = closingQuote(text, at);
        if (end === -1) return undefined;
        cell = text.slice(at + 1, end).replaceAll('""', '"');
        line += cell.split('\n').length - 1;
        at = end + 1;
      } else {
        const start = at;
        while (at < text.length && text[at] !== delimiter && text[at] !== '\n' && text[at] !== '\r') {
          if (text[at] === '"') return undefined;
          at += 1;
        }
        cell = text.slice(start, at);
      }
      cells.push(cell);
      if (text[at] !== delimiter || at >= text.length) break;
      at += 1;
    }
    records.push({ line: startLine, cells });
    if (at >= text.length) break;
    if (text.startsWith('\r\n', at)) at += 2;
    else if (text[at] === '\n') at += 1;
    else return undefined;
    line += 1;
  }
  return records;
}

function closingQuote(text: string, open: number): number {
  for (let end = text.indexOf('"', open + 1); end !== -1; end = text.indexOf('"', end + 2)) if (text[end + 1] !== '"') return end;
  return -1;
}

export const isBlank = ({ cells }: ReferenceRecord): boolean => cells.every((cell) => cell === '');
