/** A row of the gateway's daily payouts report, read. Columns: docs/gateway.md. */

/** Texts are as the report has them; `others` are the columns that nothing is concluded from. */
export interface ReportRow {
  /** The line of the CSV file, or the row of the sheet, from 1. */
  readonly line: number;
  readonly operationId: string;
  readonly sessionId: string;
  readonly type: 'advice' | 'refund' | 'other';
  readonly typeOfPayment: string;
  readonly merchantMetadata: string;
  /** `paymentLocalAmount`, with its sign. */
  readonly amountMinor: bigint;
  /** `Currency amount` in upper case. */
  readonly currency: string;
  readonly transactionDate: string;
  /** Milliseconds since the epoch, UTC where no zone is given; null when it cannot be read. */
  readonly transactionAt: number | null;
  readonly finishedAt: string;
  readonly others: Readonly<Record<string, string>>;
}

/** What a row that cannot be read shows all the same. */
export interface UnreadableRow {
  readonly line: number;
  /** As the header spells it; null for the row as a whole. */
  readonly column: string | null;
  readonly code: string;
  readonly message: string;
  readonly operationId: string | null;
  readonly sessionId: string | null;
}

export type ReportLine =
  { readonly type: 'row'; readonly row: ReportRow } | { readonly type: 'unreadable'; readonly unreadable: UnreadableRow };

/** Days in UTC, `YYYY-MM-DD`, both included. */
export interface ReportDays {
  readonly from: string;
  readonly to: string;
}
