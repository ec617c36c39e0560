/** Cells of a sheet as cells of a report. */
import type { WorkbookParts } from '../workbook/parts.ts';
import type { SheetRow } from '../workbook/sheet.ts';
import { textCell, type Cell } from './cell.ts';
import { readReportTime } from './report-time.ts';

const dayMs = 86_400_000;
/** The first of January 1970, counted in days as spreadsheets do; 1904 is so many days after 1900. */
const [epochDay, daysTo1904] = [25_569, 1_462];
const maxTime = 8.64e15;

/** @param width as many cells as the header has, where the row has fewer */
export function cellsOf({ cells: texts, notes }: SheetRow, { from1904 }: Pick<WorkbookParts, 'from1904'>, width = 0): readonly Cell[] {
  const cells = texts.map(textCell);
  for (const { index, is } of notes) {
    const text = texts[index];
    if (text === undefined || text === '') continue;
    if (is === 'number' || is === 'percent') cells[index] = { type: 'number', text };
    else if (is === 'date') cells[index] = dateCell(text, from1904);
  }
  while (cells.length < width) cells.push({ type: 'empty' });
  return cells;
}

/** A day by its number, or a date as text. */
function dateCell(text: string, from1904: boolean): Cell {
  const isNumber = /^[+-]?[\d.]+(?:[eE][+-]?\d+)?$/.test(text);
  const days = isNumber ? Number(text) + (from1904 ? daysTo1904 : 0) : Number.NaN;
  const at = isNumber ? Math.round((days - epochDay) * dayMs) : readReportTime({ type: 'text', text });
  if (at !== null && Math.abs(at) <= maxTime) return { type: 'date', at };
  return isNumber ? { type: 'number', text } : textCell(text);
}
