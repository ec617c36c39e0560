/** Small pieces of terminal output. Colours only on a terminal, and not under NO_COLOR. */

import { padEnd, padStart, widthOf } from './width.ts';

const codes = { bold: [1, 22], dim: [2, 22], red: [31, 39], green: [32, 39], yellow: [33, 39], cyan: [36, 39] } as const;
export type Style = keyof typeof codes;
export type Paint = (style: Style, text: string) => string;

/** Source of the rule: https://no-color.org */
export const paintFor = (stream: { readonly isTTY?: boolean }, env: Readonly<Record<string, string | undefined>>): Paint =>
  stream.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb'
    ? (style, text) => `\u001b[${codes[style][0]}m${text}\u001b[${codes[style][1]}m`
    : (_style, text) => text;

/** 1234567 as `1,234,567`. */
export const grouped = (value: number | string): string => {
  const [whole = '', fraction] = String(value).split('.');
  const digits = whole.replace(/\B(?=(\d{3})+(?!\d))/g, ',');
  return fraction === undefined ? digits : `${digits}.${fraction}`;
};

/** `1 row`, `1,200 rows`. */
export const counted = (count: number, one: string, many: string): string => `${grouped(count)} ${count === 1 ? one : many}`;

/** Text from outside, safe to print: characters that move the cursor or hide text are replaced by their code points. */
export const printable = (text: string): string =>
  text.replace(/[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g, (sign) => {
    return `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });

/** Left-aligned columns, except where `right` says otherwise. */
export function table(rows: readonly (readonly string[])[], right: ReadonlySet<number> = new Set()): string {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, column) => (widths[column] = Math.max(widths[column] ?? 0, widthOf(cell))));
  return rows
    .map((row) =>
      row
        .map((cell, column) => (right.has(column) ? padStart : padEnd)(cell, widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
