/** What a cell of a workbook is besides its text: CSV cells are text and have none of these. */

/**
 * @property is `number`, `date`, `percent` and `boolean` are what the spreadsheet keeps instead of text; `error` is a value such
 *   as #N/A; `formula` a value that was computed, `formula_unsaved` one that the file does not contain
 */
export interface CellNote {
  /** Of the cell in its row, from 0. */
  readonly index: number;
  readonly is: 'number' | 'date' | 'percent' | 'boolean' | 'error' | 'formula' | 'formula_unsaved';
}
