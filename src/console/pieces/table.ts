/** A table that scrolls by itself where the window is narrower. */
import { markup, type Markup, type Piece } from '../markup.ts';

export interface DataTable {
  readonly label: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Piece[])[];
  /** Columns of figures. */
  readonly right?: ReadonlySet<number>;
  readonly empty?: string;
  /** The first cell of each row is its heading. */
  readonly headed?: boolean;
}

export function dataTable({ label, columns, rows, right = new Set(), empty = 'None.', headed = true }: DataTable): Markup {
  if (rows.length === 0) return markup`<p class="empty">${empty}</p>`;
  const align = (column: number): Markup | null => (right.has(column) ? markup` class="figure"` : null);
  const cell = (piece: Piece, column: number): Markup =>
    headed && column === 0 ? markup`<th scope="row"${align(column)}>${piece}</th>` : markup`<td${align(column)}>${piece}</td>`;
  return markup`<div class="scroll" role="region" aria-label="${label}" tabindex="0"><table>
<thead><tr>${columns.map((name, column) => (name === '' ? markup`<td></td>` : markup`<th scope="col"${align(column)}>${name}</th>`))}</tr></thead>
<tbody>${rows.map(
    (row) => markup`<tr>${row.map(cell)}</tr>
`,
  )}</tbody></table></div>`;
}
