/** What a file is held by before its rows are sent: the limit of a batch, who submitted it, when it may go. */
import type { Clock } from '../../batches/ports/clock.ts';
import type { Ledger } from '../../batches/ports/ledger.ts';
import type { Batch } from '../../batches/record/batch.ts';
import type { BatchTerms, Limits } from '../../batches/record/gates.ts';
import { CommandError, exitCodes } from '../exit.ts';
import { batchTotalCode, totalsAbove } from './batch-total.ts';
import type { Inspection } from './payout-file.ts';

/** @throws {CommandError} exit 1 for a file above the limit that the ledger holds, unless some of it was sent before */
export function assertBatchTotal(limits: Limits, { file, preflight }: Inspection, known: Batch | undefined): void {
  if (known !== undefined && known.sent > 0) return;
  const above = totalsAbove(preflight.totals, (currency) => (limits[currency] === undefined ? undefined : BigInt(limits[currency])));
  if (above.length > 0)
    throw new CommandError(
      exitCodes.usage,
      `${file} is refused (${batchTotalCode}), and nothing is paid from it. ${above.join(' ')} Split the file, or raise the limit with disburse gates loosen.`,
    );
}

export interface Submission {
  readonly ledger: Pick<Ledger, 'gates' | 'terms' | 'setTerms'>;
  readonly inspection: Inspection;
  /** Who submits the file. */
  readonly by: string;
  /** No row is sent before; milliseconds since the epoch. */
  readonly notBefore: number | null;
  readonly clock: Pick<Clock, 'now'>;
}

/** Durable before the first row is admitted. The first submitter of a file stays; of several times the newest counts. */
export async function submitFile({ ledger, inspection, by, notBefore, clock }: Submission): Promise<void> {
  const { sha256: batchId, preflight } = inspection;
  const needsApproval = (await ledger.gates())?.approval === 'required';
  if (!needsApproval && notBefore === null) return;
  const totals = [...preflight.totals].map(([currency, { count, amountMinor }]) => ({ currency, count, amountMinor: String(amountMinor) }));
  const submitted = { by, at: clock.now(), rows: preflight.rows, totals };
  for (;;) {
    const terms = await ledger.terms(batchId);
    const next: BatchTerms = {
      ...terms,
      number: terms.number + 1,
      submission: terms.submission ?? submitted,
      notBefore: notBefore ?? terms.notBefore,
    };
    const isKnown = terms.submission !== null && next.notBefore === terms.notBefore;
    // What is kept already is set once more: a process may have died before all of the ledger had it.
    if (await ledger.setTerms({ batchId, terms: isKnown ? terms : next, expected: terms.number })) return;
  }
}
