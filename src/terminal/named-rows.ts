/** What a run names for a person: the first few rows of each kind that needs attention, each with its amount and reason. */
import { formatMinor } from '../../batches/fields/money.ts';
import type { Reason } from '../../batches/record/record.ts';
import { counted, grouped, printable } from './format.ts';

export interface NamedRow {
  readonly line: number;
  readonly recordId: string;
  readonly amountMinor: bigint;
  readonly currency: string;
  /** Null: the gateway has not finished it, or gave none. */
  readonly reason: Reason | null;
}

const records = (count: number): string => counted(count, 'record is', 'records are');
const rows = (count: number): string => counted(count, 'row is', 'rows are');

const sentences = {
  unknown: (count) => `${records(count)} unknown: may have been paid. Check the gateway before paying again.`,
  failed: (count) => `${counted(count, 'record', 'records')} failed without payment. Submit what is still owed under a new record id.`,
  conflict: (count) =>
    `${rows(count)} in conflict: the record id was used before with other content. Nothing was sent for ${count === 1 ? 'it' : 'them'}.`,
  cancelled: (count) => `${records(count)} cancelled at the gateway and not paid. Submit what is still owed under a new record id.`,
  duplicate: (count) => `${counted(count, 'row repeats', 'rows repeat')} a record that has not succeeded. Look at that record.`,
  in_progress: (count) => `${records(count)} still processing at the gateway. Run the same command again later to check on them.`,
} as const satisfies Readonly<Record<string, (count: number) => string>>;

/** Of a record that has no reason; a final one ended without one from the gateway. */
const withoutReason: Partial<Record<NamedStatus, string>> = { in_progress: 'still processing at the gateway' };

export type NamedStatus = keyof typeof sentences;

/**
 * @property count how many there are, of which `shown` are named
 * @property listAll what lists all of them
 */
export interface NamedRows {
  readonly status: NamedStatus;
  readonly count: number;
  readonly shown: readonly NamedRow[];
  readonly listAll: string;
}

export function namedRowsText({ status, count, shown, listAll }: NamedRows): string {
  const lines = shown.map(({ line, recordId, amountMinor, currency, reason }) => {
    const { code, description } = reason ?? { code: status, description: withoutReason[status] ?? 'The gateway gave no reason.' };
    const amount = `${currency} ${grouped(formatMinor(amountMinor, currency))}`;
    return `  line ${line}, ${printable(recordId)}, ${amount}: ${printable(description)} [${printable(code)}]`;
  });
  const left = count - shown.length;
  const more = left > 0 ? [`  ${shown.length === 0 ? '' : `… and ${grouped(left)} more; `}list all: ${listAll}`] : [];
  return [sentences[status](count), ...lines, ...more].join('\n');
}
