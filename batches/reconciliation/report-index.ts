/** What the rows of one report showed so far: its operations, and which records they belong to. Grows with the report. */
import type { LedgerRecord } from '../record/record.ts';
import type { Decision, DifferentCode, Earlier } from './match-report.ts';
import type { ReportRow } from './report-row.ts';

export interface ReportIndex {
  /** What the rows before this one showed; the row is not added. */
  earlier(row: ReportRow): Earlier;
  add(row: ReportRow, decision: Decision): void;
  /** A row that cannot be read is the record's all the same. */
  addSession(sessionId: string): void;
  /** Whether any row is this record's. */
  shows(record: LedgerRecord): boolean;
}

export function createReportIndex(): ReportIndex {
  const contents = new Map<string, string>();
  const paidBy = new Map<string, string>();
  const records = new Set<string>();
  const sessions = new Set<string>();

  return {
    earlier(row) {
      const known = contents.get(nameOf(row));
      return {
        entry: known === undefined ? 'first' : known === contentOf(row) ? 'repeated' : 'contradicting',
        otherEntryOf(recordId) {
          const entry = paidBy.get(recordId);
          return entry === row.operationId ? undefined : entry;
        },
      };
    },
    add(row, decision) {
      if (!contents.has(nameOf(row))) contents.set(nameOf(row), contentOf(row));
      if (row.type !== 'advice' || !('record' in decision) || decision.record === null) return;
      const { recordId } = decision.record;
      records.add(recordId);
      if (isOwnPayment(decision) && !paidBy.has(recordId)) paidBy.set(recordId, row.operationId);
    },
    addSession: (sessionId) => void sessions.add(sessionId),
    shows: ({ recordId, sessionId }) => records.has(recordId) || (sessionId !== null && sessions.has(sessionId)),
  };
}

/** Of the record's present attempt and session, whether the rest of it agrees or not. */
const ownPayments: ReadonlySet<DifferentCode> = new Set(['amount_differs', 'currency_differs', 'status_differs']);

const isOwnPayment = (decision: Decision): boolean =>
  decision.type === 'matched' || decision.type === 'ends' || (decision.type === 'different' && ownPayments.has(decision.code));

/** A refund may have the id of the operation that it returns. */
const nameOf = ({ type, typeOfPayment, operationId }: ReportRow): string =>
  `${type === 'other' ? typeOfPayment.toLowerCase() : type}\n${operationId}`;

const contentOf = ({ sessionId, amountMinor, currency, merchantMetadata }: ReportRow): string =>
  `${sessionId}\n${amountMinor}\n${currency}\n${merchantMetadata}`;
