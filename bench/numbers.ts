/** Figures and how they are shown. */

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

const shown = (value: number, digits: number): string =>
  value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });

/** `1,234 (1,200 to 1,300)`; alone when there is one round. */
export function spread(values: readonly number[], digits = 0): string {
  const middle = shown(median(values), digits);
  return values.length < 2 ? middle : `${middle} (${shown(Math.min(...values), digits)} to ${shown(Math.max(...values), digits)})`;
}

/** A table as Markdown that is also readable as text. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((name, column) => Math.max(name.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string => `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [line(header), `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...rows.map(line)].join('\n');
}

/** The order of a round: A B C, then B C A, then C A B. */
export const rotated = <T>(values: readonly T[], by: number): readonly T[] => {
  const start = by % values.length;
  return [...values.slice(start), ...values.slice(0, start)];
};
