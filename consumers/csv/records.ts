/**
 * Text is cut into blocks of whole records: a line break after an even number of quotes ends one. What is inside the
 * quotes is not looked at here; whether they are where they may be is for the reader of the block.
 */

/** A record, without its line end, in UTF-8. */
export const maxRecordBytes = 64 * 1024;

/**
 * @property line the physical line on which the block begins, from 1
 * @property offset the byte of the (unpacked) file at which it begins
 * @property end `open`: the file ends inside quotes. `endless`: a record is longer than any may be, and the block is
 *   only its beginning
 */
export interface TextBlock {
  readonly text: string;
  readonly line: number;
  readonly offset: number;
  readonly end: 'whole' | 'open' | 'endless';
}

export interface RecordCutter {
  /** Takes the text that follows, as the decoder gives it. Nothing can follow an `endless` block. */
  push(text: string): TextBlock | undefined;
  /** What comes after the last line break. */
  end(): TextBlock | undefined;
  /** The line on which the text taken so far ends. */
  line(): number;
}

export const countOf = (text: string, sign: string): number => {
  let count = 0;
  for (let at = text.indexOf(sign); at !== -1; at = text.indexOf(sign, at + 1)) count += 1;
  return count;
};

/** @returns where the last whole record ends */
function lastBoundary(text: string, quotes: number): number {
  let newline = text.lastIndexOf('\n');
  if (quotes === 0) return newline + 1;
  let quote = text.lastIndexOf('"');
  let open = quotes % 2 === 1;
  while (newline !== -1) {
    while (quote > newline) {
      open = !open;
      quote = before(text, '"', quote);
    }
    if (!open) return newline + 1;
    newline = before(text, '\n', newline);
  }
  return 0;
}

/** `lastIndexOf` takes -1 for 0, and would find the same place without end. */
const before = (text: string, sign: string, at: number): number => (at === 0 ? -1 : text.lastIndexOf(sign, at - 1));

/** @param byteLength how many bytes of the file a text was */
export function createRecordCutter(startOffset: number, byteLength: (text: string) => number): RecordCutter {
  let rest = '';
  let restQuotes = 0;
  let line = 1;
  let offset = startOffset;

  const take = (text: string, end: TextBlock['end']): TextBlock => {
    const block = { text, line, offset, end };
    line += countOf(text, '\n');
    offset += byteLength(text);
    return block;
  };

  return {
    push(text) {
      const all = rest + text;
      const quotes = restQuotes + countOf(text, '"');
      const cut = lastBoundary(all, quotes);
      rest = all.slice(cut);
      restQuotes = quotes === 0 ? 0 : countOf(rest, '"');
      // The one more may be the first half of a CRLF.
      if (cut === 0 && rest.length > maxRecordBytes + 1) {
        rest = '';
        return take(all, 'endless');
      }
      return cut === 0 ? undefined : take(all.slice(0, cut), 'whole');
    },
    end() {
      const last = rest;
      rest = '';
      return last === '' ? undefined : take(last, restQuotes % 2 === 1 ? 'open' : 'whole');
    },
    line: () => line + countOf(rest, '\n'),
  };
}
