/** How many columns a terminal takes for a text. */

/** Scripts and signs of two columns: Unicode's East Asian Width W and F, without rare blocks. */
const wideRanges: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0x4dbf],
  [0x4e00, 0xa4cf],
  [0xa960, 0xa97f],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x1f300, 0x1f64f],
  [0x1f680, 0x1f6ff],
  [0x1f900, 0x1f9ff],
  [0x20000, 0x3fffd],
];

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
const plain = /^[\u0020-\u007e]*$/;
/** Sequences that set a style take no column. */
const style = /\u001b\[[0-9;]*m/g;

function graphemeWidth(grapheme: string): number {
  const point = grapheme.codePointAt(0) ?? 0;
  if (/^\p{M}/u.test(grapheme) || point < 0x20) return 0;
  return wideRanges.some(([from, to]) => point >= from && point <= to) ? 2 : 1;
}

export function widthOf(text: string): number {
  const bare = text.replace(style, '');
  if (plain.test(bare)) return bare.length;
  let width = 0;
  for (const { segment } of graphemes.segment(bare)) width += graphemeWidth(segment);
  return width;
}

/** Cuts to the width; a cut text ends with `…`. Styles are kept. */
export function clip(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let room = width - 1;
  let out = '';
  for (const part of text.split(/(\u001b\[[0-9;]*m)/)) {
    if (part.startsWith('\u001b[')) {
      out += part;
      continue;
    }
    for (const { segment } of graphemes.segment(part)) {
      const taken = graphemeWidth(segment);
      if (taken > room) {
        // What follows may close a style, but shows nothing more.
        if (room >= 0) out += '…';
        room = -1;
        break;
      }
      room -= taken;
      out += segment;
    }
  }
  return out;
}

export const padEnd = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - widthOf(text)));
export const padStart = (text: string, width: number): string => ' '.repeat(Math.max(0, width - widthOf(text))) + text;

/** Items on as many lines as they need; none is cut as long as it fits a line of its own. */
export function wrapItems(
  items: readonly string[],
  { width, separator, indent }: { width: number; separator: string; indent: string },
): string[] {
  const lines: string[] = [];
  for (const item of items) {
    const last = lines.at(-1);
    const joined = last === undefined ? undefined : `${last}${separator}${item}`;
    if (joined !== undefined && widthOf(joined) <= width) lines[lines.length - 1] = joined;
    else lines.push(`${indent}${item}`);
  }
  return lines;
}

/** The rows of a terminal are so wide; undefined where the output is none, and lines of any length are fine. */
export const columnsOf = (stream: { readonly isTTY?: boolean; readonly columns?: number }): number | undefined =>
  stream.isTTY === true ? stream.columns : undefined;

/**
 * Breaks lines at blanks so that they fit, with what continues a line indented under its text; a word that is wider than the
 * terminal stays whole.
 */
export function wrapText(text: string, width: number | undefined): string {
  if (width === undefined) return text;
  return text
    .split('\n')
    .flatMap((line) => {
      if (widthOf(line) <= width) return [line];
      const indent = /^ */.exec(line)?.[0] ?? '';
      const [first = '', ...more] = line.slice(indent.length).split(' ');
      const lines = [indent + first];
      for (const word of more) {
        const joined = `${lines.at(-1) ?? ''} ${word}`;
        if (widthOf(joined) <= width) lines[lines.length - 1] = joined;
        else lines.push(`${indent}  ${word}`);
      }
      return lines;
    })
    .join('\n');
}
