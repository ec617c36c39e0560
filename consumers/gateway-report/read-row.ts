/** Cells of one row become a typed row, or a row that cannot be read and says why. */
import { currencyDecimals } from '../../batches/fields/currencies.ts';
import { maskVerbatim } from '../../batches/instruction/masks.ts';
import type { ReportLine, ReportRow, UnreadableRow } from '../../batches/reconciliation/report-row.ts';
import { textOf, type Cell } from './cell.ts';
import type { Columns } from './columns.ts';
import { readReportAmount } from './report-amount.ts';
import { readReportTime } from './report-time.ts';

const longestId = 256;

type IdReading = { readonly ok: true; readonly id: string } | { readonly ok: false; readonly message: string };

/** A number of more digits has lost some in a spreadsheet, and a date was an id before. */
function readId(cell: Cell | undefined): IdReading {
  if (cell === undefined || cell.type === 'empty') return { ok: false, message: 'The id is missing.' };
  const id = textOf(cell).trim();
  if (cell.type === 'date' || (cell.type === 'number' && !/^\d{1,15}$/.test(id)))
    return { ok: false, message: 'A spreadsheet has changed this id: download the report again, and do not edit it.' };
  return id.length > longestId ? { ok: false, message: `The id has more than ${longestId} characters.` } : { ok: true, id };
}

const typeOf = (text: string): ReportRow['type'] => {
  const type = text.toLowerCase();
  return type === 'advice' || type === 'refund' ? type : 'other';
};

export function readRow(cells: readonly Cell[], columns: Columns, line: number): ReportLine {
  const operation = readId(cells[columns.operationId]);
  const session = readId(cells[columns.sessionId]);
  const unreadable = (index: number | null, code: string, message: string): ReportLine => {
    const known = {
      operationId: operation.ok ? operation.id : null,
      sessionId: session.ok ? session.id : null,
    } satisfies Partial<UnreadableRow>;
    return {
      type: 'unreadable',
      unreadable: { line, column: index === null ? null : (columns.names[index] ?? null), code, message, ...known },
    };
  };
  const width = columns.names.length;
  if (cells.length < width || cells.slice(width).some(({ type }) => type !== 'empty'))
    return {
      type: 'unreadable',
      unreadable: {
        ...{ line, column: null, code: 'cell_count', operationId: null, sessionId: null },
        message: `The row has ${cells.length} cells and the header ${width}: download the report again.`,
      },
    };
  if (!operation.ok) return unreadable(columns.operationId, 'operation_id', operation.message);
  if (!session.ok) return unreadable(columns.sessionId, 'session_id', session.message);
  const currency = textOf(cells[columns.currency]).trim().toUpperCase();
  if (currencyDecimals(currency) === undefined)
    return unreadable(columns.currency, 'currency', `The currency ${maskVerbatim(currency)} is not a current code of ISO 4217.`);
  const amount = readReportAmount(cells[columns.amount], currency);
  if (!amount.ok) return unreadable(columns.amount, 'amount', amount.message);
  const typeOfPayment = textOf(cells[columns.typeOfPayment]).trim();
  if (typeOfPayment === '') return unreadable(columns.typeOfPayment, 'type_of_payment', 'The type of payment is missing.');
  const { amountMinor } = amount;
  const row: ReportRow = {
    ...{ line, operationId: operation.id, sessionId: session.id, type: typeOf(typeOfPayment), typeOfPayment, amountMinor, currency },
    merchantMetadata: textOf(cells[columns.merchantMetadata]),
    transactionDate: textOf(cells[columns.transactionDate]),
    transactionAt: readReportTime(cells[columns.transactionDate]),
    finishedAt: columns.finishedAt === undefined ? '' : textOf(cells[columns.finishedAt]),
    others: Object.fromEntries(columns.others.map(({ name, index }) => [name, textOf(cells[index])])),
  };
  return { type: 'row', row };
}
