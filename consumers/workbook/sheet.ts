/** One sheet as it comes: rows with their numbers, cells with their texts and with what they are. */
import type { CellNote } from '../../batches/csv-row/cell-notes.ts';
import { damaged, rowTooLong } from './faults.ts';
import type { TextStore } from './shared-strings.ts';
import type { Shown } from './styles.ts';
import { attributesOf, createXmlReader, unescapeText, type XmlReader } from './xml.ts';

export interface SheetRow {
  /** From 1. */
  readonly line: number;
  /** Up to the last cell that is not empty. */
  readonly cells: string[];
  readonly notes: readonly CellNote[];
  readonly isHidden: boolean;
}

/** What the sheet has besides rows. */
export interface SheetFacts {
  readonly merged: string[];
  mergedTotal: number;
  /** Columns that are not shown, from 0. */
  readonly hiddenColumns: { readonly from: number; readonly to: number }[];
}

export interface SheetParams {
  readonly texts: TextStore;
  readonly styles: readonly Shown[];
  readonly onRow: (row: SheetRow) => void;
}

export const limits = { rows: 1_048_576, columns: 16_384 } as const;
const maxMerged = 20;
/** A cell may be far to the right of the one before it: more columns than any payout has are not filled. */
const maxRow = { columns: 1_024, characters: 64 * 1024 } as const;
/** Before `_x000D_` and the like are decoded. */
const maxRawText = 8 * maxRow.characters;

interface OpenCell {
  readonly index: number;
  readonly type: string;
  readonly style: number;
  value: string | undefined;
  text: string | undefined;
  hasFormula: boolean;
}

interface OpenRow {
  readonly line: number;
  readonly isHidden: boolean;
  readonly cells: string[];
  readonly notes: CellNote[];
  nextColumn: number;
  characters: number;
}

/** @returns the reader of the part, and what it finds besides rows */
export function createSheetReader(params: SheetParams): { readonly reader: XmlReader; readonly facts: SheetFacts } {
  const facts: SheetFacts = { merged: [], mergedTotal: 0, hiddenColumns: [] };
  let section = '';
  let row: OpenRow | undefined;
  let cell: OpenCell | undefined;
  let taking: 'value' | 'text' | undefined;
  let phonetic = 0;
  let lastLine = 0;

  const openInSheet = (name: string, attributes: string, depth: number): void => {
    if (depth === 3) {
      if (name !== 'row') throw damaged(`its rows have something else between them`, lastLine + 1);
      row = openRow(attributes, lastLine);
      lastLine = row.line;
    } else if (depth === 4 && row !== undefined) {
      if (name === 'c') cell = openCell(attributes, row);
      else if (name !== 'extLst') throw damaged('a row has something else than cells', row.line);
    } else if (cell !== undefined) {
      if (name === 'f' && depth === 5) cell.hasFormula = true;
      if (name === 'rPh') phonetic += 1;
      const takes = name === 'v' && depth === 5 ? 'value' : name === 't' && phonetic === 0 ? 'text' : undefined;
      if (takes !== undefined) cell[takes] ??= '';
      taking = takes;
    }
  };

  const reader = createXmlReader({
    open(name, attributes, depth) {
      if (depth === 1 && name !== 'worksheet') throw damaged('its sheet is missing');
      if (depth === 2) section = name;
      else if (section === 'sheetData' && depth > 2) openInSheet(name, attributes, depth);
      else if (name === 'mergeCell') addMerged(facts, attributes);
      else if (name === 'col') addHidden(facts, attributes);
    },
    close(name, depth) {
      taking = undefined;
      if (section !== 'sheetData') return;
      if (name === 'rPh') phonetic -= 1;
      if (depth === 4 && row !== undefined && cell !== undefined) {
        takeCell(row, cell, params);
        cell = undefined;
      } else if (depth === 3 && row !== undefined) {
        const { line, isHidden, cells, notes } = row;
        if (cells.length > 0) params.onRow({ line, cells, notes, isHidden });
        row = undefined;
      }
    },
    text(text) {
      if (taking === undefined || cell === undefined) return;
      const known = cell[taking] ?? '';
      if (known.length + text.length > maxRawText) throw rowTooLong(lastLine);
      cell[taking] = known + text;
    },
  });
  return { reader, facts };
}

function openRow(attributes: string, lastLine: number): OpenRow {
  const [r, hidden] = attributesOf(attributes, 'r', 'hidden');
  const line = r === undefined ? lastLine + 1 : /^\d{1,7}$/.test(r) ? Number(r) : 0;
  if (line <= lastLine || line > limits.rows) throw damaged('its rows are not in order', lastLine + 1);
  return { line, isHidden: hidden === '1' || hidden === 'true', cells: [], notes: [], nextColumn: 0, characters: 0 };
}

function openCell(attributes: string, row: OpenRow): OpenCell {
  const [r, type = 'n', style = '0'] = attributesOf(attributes, 'r', 't', 's');
  const index = r === undefined ? row.nextColumn : columnOf(r, row.line);
  if (index < row.nextColumn || index >= limits.columns) throw damaged('the cells of a row are not in order', row.line);
  row.nextColumn = index + 1;
  return { index, type, style: Number(style), value: undefined, text: undefined, hasFormula: false };
}

function columnOf(place: string, line: number): number {
  let column = 0;
  let at = 0;
  for (; at < place.length; at += 1) {
    const letter = place.charCodeAt(at) - 64;
    if (letter < 1 || letter > 26) break;
    column = column * 26 + letter;
  }
  if (at === 0 || at > 3 || place.slice(at) !== String(line)) throw damaged('a cell is in another row than it says', line);
  return column - 1;
}

function takeCell(row: OpenRow, cell: OpenCell, params: SheetParams): void {
  const { text, is } = readCell(cell, row.line, params);
  const note = (found: CellNote['is']): void => void row.notes.push({ index: cell.index, is: found });
  // A formula whose value is the empty text says so; one that was never computed has no value, or an empty number.
  const isUnsaved = cell.hasFormula && text === '' && cell.type !== 'str';
  if (cell.hasFormula) note(isUnsaved ? 'formula_unsaved' : 'formula');
  if (is !== undefined) note(is);
  if (text === '' && !isUnsaved) return;
  row.characters += text.length;
  if (cell.index >= maxRow.columns || row.characters > maxRow.characters) throw rowTooLong(row.line);
  while (row.cells.length < cell.index) row.cells.push('');
  row.cells.push(text);
}

interface CellReading {
  readonly text: string;
  readonly is?: CellNote['is'];
}

function readCell({ type, value, text, style }: OpenCell, line: number, { texts, styles }: SheetParams): CellReading {
  if (type === 'inlineStr') return { text: unescapeText(text ?? '') };
  if (value === undefined) return { text: '' };
  switch (type) {
    case 's': {
      const shared = /^\d{1,9}$/.test(value.trim()) ? texts.get(Number(value)) : undefined;
      if (shared === undefined) throw damaged('a cell refers to a text that is not there', line);
      return { text: shared };
    }
    case 'str':
      return { text: unescapeText(value) };
    case 'b':
      return { text: value.trim() === '1' || value.trim() === 'true' ? 'true' : 'false', is: 'boolean' };
    case 'e':
      return { text: value, is: 'error' };
    case 'd':
      return { text: value, is: 'date' };
    case 'n': {
      const number = value.trim();
      if (number === '') return { text: '' };
      if (!/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?$/.test(number)) throw damaged('a number is none', line);
      const shown = styles[style] ?? 'plain';
      return { text: number, is: shown === 'plain' ? 'number' : shown };
    }
    default:
      throw damaged('a cell is of a type that no spreadsheet writes', line);
  }
}

function addMerged(facts: SheetFacts, attributes: string): void {
  const [place] = attributesOf(attributes, 'ref');
  facts.mergedTotal += 1;
  if (facts.merged.length < maxMerged && place !== undefined && /^[A-Z]{1,3}\d{1,7}(?::[A-Z]{1,3}\d{1,7})?$/.test(place))
    facts.merged.push(place);
}

function addHidden(facts: SheetFacts, attributes: string): void {
  const [from, to, hidden] = attributesOf(attributes, 'min', 'max', 'hidden');
  if (hidden !== '1' && hidden !== 'true') return;
  if (facts.hiddenColumns.length < maxMerged) facts.hiddenColumns.push({ from: Number(from) - 1, to: Number(to) - 1 });
}

/** A1 notation of a column, from 0. */
export function columnName(index: number): string {
  let name = '';
  for (let left = index + 1; left > 0; left = Math.floor((left - 1) / 26)) name = String.fromCharCode(65 + ((left - 1) % 26)) + name;
  return name;
}
