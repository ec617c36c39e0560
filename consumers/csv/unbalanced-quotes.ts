/**
 * A stray quote that is closed rows later makes one cell of all the text between. The row may even have the right
 * number of cells. It shows in the lines: they look like rows.
 */
import type { MultilineCell } from './coverage-check.ts';

/**
 * @param cells of the row that holds the multi-line cell
 * @param columns how many cells the header has
 */
export function hasUnbalancedQuotes(
  cells: readonly string[],
  { cell }: Pick<MultilineCell, 'cell'>,
  columns: number,
  delimiter: string,
): boolean {
  const wanted = columns - 1;
  if (wanted < 1) return false;
  const counts = (cells[cell] ?? '').split('\n').map((line) => line.split(delimiter).length - 1);
  if (counts.slice(1, -1).some((count) => count >= wanted)) return true;
  // Opened in one row and closed in a later one: the ends, with the cells around them, are whole rows themselves.
  const head = cell + (counts[0] ?? 0);
  const tail = (counts.at(-1) ?? 0) + cells.length - 1 - cell;
  return head === wanted && tail === wanted;
}
