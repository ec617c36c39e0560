/** Results for people: one row for each result event that is given. */
import { stringify } from 'csv-stringify/sync';
import { escapeFormula } from '../batches/csv-row/fix-file.ts';
import { currencyDecimals } from '../batches/fields/currencies.ts';
import { formatMinor } from '../batches/fields/money.ts';
import type { ResultEvent } from '../batches/record/result-event.ts';
import { createCsvFile } from './csv-file.ts';

type Source = ResultEvent['source'];

const place = (source: Source): string => ('line' in source ? String(source.line) : `${source.topic}/${source.partition}/${source.offset}`);

/** In major units; empty where the currency's decimals are not known: a wrong point would be worse than none. */
function majorAmount(details: ResultEvent['amount_details']): string {
  if (details === undefined || currencyDecimals(details.currency) === undefined) return '';
  return formatMinor(BigInt(details.amount), details.currency);
}

/** The columns, in their order. `line` names topic, partition and offset for what came by a topic. */
const columns: Readonly<Record<string, (event: ResultEvent) => string | undefined>> = {
  line: (event) => place(event.source),
  record_id: (event) => event.record_id,
  kind: (event) => event.kind,
  status: (event) => event.status,
  amount: (event) => majorAmount(event.amount_details),
  currency: (event) => event.amount_details?.currency,
  destination: (event) => event.destination,
  session_id: (event) => event.session_id,
  entry_id: (event) => event.entry_id,
  code: (event) => event.error?.code,
  description: (event) => event.error?.description,
  field: (event) => event.error?.field ?? event.fields?.join(' '),
  earlier_status: (event) => event.earlier?.status,
  occurred_at: (event) => event.occurred_at,
};

export const resultsCsvColumns: readonly string[] = Object.keys(columns);

/** The cells of one event, as they are; a workbook has types for them. */
export const resultsCells = (event: ResultEvent): readonly string[] => Object.values(columns).map((cell) => cell(event) ?? '');

/** The cells of one event, safe to open in a spreadsheet. */
const resultsCsvRow = (event: ResultEvent): string[] => resultsCells(event).map(escapeFormula);

/** The file as text, line by line, with its byte order mark: for an output that is no file of ours. */
export function* resultsCsvLines(events: Iterable<ResultEvent>): Generator<string, void, undefined> {
  const line = (cells: readonly string[]): string => stringify([[...cells]], { record_delimiter: '\n' });
  yield `\uFEFF${line(resultsCsvColumns)}`;
  for (const event of events) yield line(resultsCsvRow(event));
}

/**
 * Writes the events as they come; the file appears whole or not at all, mode 0600.
 *
 * @returns how many rows were written
 * @throws what `events` throws, or the file system's error
 */
export async function writeResultsCsv({
  path,
  events,
}: {
  readonly path: string;
  readonly events: AsyncIterable<ResultEvent> | Iterable<ResultEvent>;
}): Promise<number> {
  const file = await createCsvFile({ path });
  let rows = 0;
  try {
    await file.write(resultsCsvColumns);
    for await (const event of events) {
      await file.write(resultsCsvRow(event));
      rows += 1;
    }
    await file.finish();
  } catch (cause) {
    await file.abandon();
    throw cause;
  }
  return rows;
}
