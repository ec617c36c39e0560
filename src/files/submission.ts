/** What a file is held by before its rows are sent: the limit of a batch, who submitted it, when it may go. */
import type { Clock } from '../../batches/ports/clock.ts';
import type { Ledger } from '../../batches/ports/ledger.ts';
import { compareTotals, isBeyond, type Totals } from '../../batches/preflight/control-totals.ts';
import { receivedOf } from '../../batches/record/tally.ts';
import type { Batch } from '../../batches/record/batch.ts';
import type { BatchTerms, Limits } from '../../batches/record/gates.ts';
import { CommandError, exitCodes } from '../exit.ts';
import { batchTotalCode, totalsAbove } from './batch-total.ts';
import type { Inspection } from './payout-file.ts';

/** A file as its totals are judged. */
export interface FileTotals extends Pick<Inspection, 'file' | 'sha256'> {
  readonly preflight: Pick<Inspection['preflight'], 'rows' | 'totals'>;
}

/** @throws {CommandError} exit 1 for a file above the limit that the ledger holds, unless some of it was sent before */
export function assertBatchTotal(limits: Limits, { file, preflight }: FileTotals, known: Batch | undefined): void {
  if (known !== undefined && known.sent > 0) return;
  const above = totalsAbove(preflight.totals, (currency) => (limits[currency] === undefined ? undefined : BigInt(limits[currency])));
  if (above.length > 0)
    throw new CommandError(
      exitCodes.usage,
      `${file} is refused (${batchTotalCode}), and nothing is paid from it. ${above.join(' ')} Split the file, or raise the limit with disburse gates loosen.`,
    );
}

export interface Submission {
  readonly ledger: Pick<Ledger, 'gates' | 'terms' | 'setTerms' | 'tallies'>;
  readonly inspection: FileTotals;
  /** Who submits the file. */
  readonly by: string;
  /** No row is sent before; milliseconds since the epoch. */
  readonly notBefore: number | null;
  readonly clock: Pick<Clock, 'now'>;
}

/**
 * Durable before the first row is admitted. The first submitter of a file stays; of several times the newest counts.
 *
 * @throws {CommandError} exit 1 for a file that reads differently than when it was submitted, while rows of it are not in the ledger
 */
export async function submitFile({ ledger, inspection, by, notBefore, clock }: Submission): Promise<void> {
  const { sha256: batchId, preflight } = inspection;
  const needsApproval = (await ledger.gates())?.approval === 'required';
  if (!needsApproval && notBefore === null) return;
  const totals = [...preflight.totals].map(([currency, { count, amountMinor }]) => ({ currency, count, amountMinor: String(amountMinor) }));
  const submitted = { by, at: clock.now(), rows: preflight.rows, totals };
  for (;;) {
    const terms = await ledger.terms(batchId);
    if (needsApproval) await assertAsSubmitted(ledger, inspection, terms);
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

/** The second person compares with the totals of the first submission. What the ledger has already is compared row by row. */
async function assertAsSubmitted(
  ledger: Submission['ledger'],
  { file, sha256: batchId, preflight }: FileTotals,
  { submission }: BatchTerms,
): Promise<void> {
  if (submission === null) return;
  const before: Totals = new Map(
    submission.totals.map(({ currency, count, amountMinor }) => [currency, { count, amountMinor: BigInt(amountMinor) }]),
  );
  if (!isBeyond(preflight.totals, before) || receivedOf(await ledger.tallies(batchId)).count >= submission.rows) return;
  throw new CommandError(
    exitCodes.usage,
    `${file} reads differently than when it was submitted, so no further row of it is read. ${compareTotals(before, preflight.totals).join(' ')} Run it with the version and the settings of its first run, or cancel the batch and submit a corrected file.`,
  );
}
