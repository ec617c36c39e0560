/**
 * A second person approves a file, or refuses it. Of two who decide at once one wins: the decision is a compare and set on the
 * terms of the batch, which the step that writes an intent reads.
 */
import { createHash } from 'node:crypto';
import { compareTotals, isBeyond, type Totals } from '../preflight/control-totals.ts';
import { unparkBatch } from '../pipeline/pause-watch.ts';
import { isFileBatch, isSamePerson, type BatchTerms, type BatchTotal } from '../record/gates.ts';
import { whyPaused } from '../record/pause.ts';
import { byStatus, receivedOf, sumTallies, type TallyRow } from '../record/tally.ts';
import { cancelBatch } from './cancel-batch.ts';
import { missingBatch, publishNow, type OperationDeps } from './operation-deps.ts';
import type { OperationAnswer, RequestOf } from './request.ts';

const short = (batchId: string): string => batchId.slice(0, 12);

export async function approveBatch(deps: OperationDeps, request: RequestOf<'approve'>): Promise<OperationAnswer> {
  const { batchId, by, reason } = request;
  const { ledger, clock } = deps;
  for (;;) {
    const terms = await ledger.terms(batchId);
    if (terms.approval !== null) return approvedBefore(deps, batchId, terms);
    const refusal = await whyNotApprove(deps, request, terms);
    if (refusal !== null) return refusal;
    const hash = await hashOfRows(deps, batchId);
    const next = { ...terms, number: terms.number + 1, approval: { by, reason, at: clock.now(), hash } };
    // Another decision came first: this one is made again on what is so now.
    if (!(await ledger.setTerms({ batchId, terms: next, expected: terms.number }))) continue;
    const records = await goOn(deps, batchId, by);
    const rows = records === 1 ? '1 row is' : `${records} rows are`;
    return {
      outcome: 'done',
      text: `Batch ${short(batchId)} is approved: ${rows} due. serve and console send it by themselves; otherwise run the file again.`,
      data: { batch_id: batchId, approved_by: by, hash, records },
    };
  }
}

/** Also what an approval that died on its way has left. */
async function approvedBefore(deps: OperationDeps, batchId: string, terms: BatchTerms): Promise<OperationAnswer> {
  await deps.ledger.setTerms({ batchId, terms, expected: terms.number });
  const records = await goOn(deps, batchId, terms.approval?.by ?? '');
  return {
    outcome: 'unchanged',
    text: `Batch ${short(batchId)} was approved before, by ${terms.approval?.by ?? ''}.`,
    data: { batch_id: batchId, approved_by: terms.approval?.by ?? '', hash: terms.approval?.hash ?? '', records },
  };
}

async function goOn(deps: OperationDeps, batchId: string, by: string): Promise<number> {
  const records = await unparkBatch(deps, batchId, { by, onResumed: deps.onResumed });
  await publishNow(deps);
  return records;
}

async function whyNotApprove(
  deps: OperationDeps,
  { batchId, by, expect }: RequestOf<'approve'>,
  { submission, refusal }: BatchTerms,
): Promise<OperationAnswer | null> {
  const { ledger } = deps;
  const refused = (text: string): OperationAnswer => ({ outcome: 'refused', text, data: { batch_id: batchId } });
  if ((await ledger.batch(batchId)) === undefined) return missingBatch(batchId);
  const name = `Batch ${short(batchId)}`;
  if ((await ledger.gates())?.approval !== 'required' || !isFileBatch(batchId)) return refused(`${name} needs no approval.`);
  if (refusal !== null) return refused(`${name} cannot be approved: ${refusal.by} refused it (${refusal.reason}), and that is for good.`);
  const cancelled = (await ledger.pauses()).find((pause) => pause.batchId === batchId && pause.code === 'cancelled');
  if (cancelled !== undefined) return refused(`${name} cannot be approved: ${whyPaused(cancelled)}, and that is for good.`);
  if (submission === null)
    return refused(`${name} cannot be approved: who submitted its file is not known. Run the file again, and approve it then.`);
  if (isSamePerson(submission.by, by))
    return refused(`${name} cannot be approved by ${by}, who submitted it: another person must look at it.`);
  const tallies = await ledger.tallies(batchId);
  const received = receivedOf(tallies).count;
  if (received < submission.rows)
    return refused(`${name} is not read to its end: ${received} of its ${submission.rows} rows are in the ledger. Try again when all are.`);
  const differences = compareTotals(totalsOf(expect), totalsOf(submission.totals));
  if (differences.length > 0) return refused(`${name} is not approved, because the totals differ. ${differences.join(' ')}`);
  if (isBeyond(admittedTotals(tallies), totalsOf(submission.totals)))
    return refused(
      `${name} is not approved: its rows in the ledger do not have the totals with which it was submitted, so it was read differently then. Cancel it, and submit a corrected file.`,
    );
  const { queued, submitting, unknown } = byStatus(tallies);
  // What is open may be sent again.
  if (queued.count + submitting.count + unknown.count === 0) return refused(`${name} is not approved: none of its rows waits to be sent.`);
  return null;
}

const totalsOf = (list: readonly BatchTotal[]): Totals =>
  new Map(list.map(({ currency, count, amountMinor }) => [currency, { count, amountMinor: BigInt(amountMinor) }]));

const notAdmitted: ReadonlySet<TallyRow['status']> = new Set(['received', 'rejected', 'duplicate', 'conflict']);

/** Of the rows that have a record, whatever became of it. */
const admittedTotals = (tallies: readonly TallyRow[]): Totals =>
  new Map(
    sumTallies(tallies.filter(({ status }) => !notAdmitted.has(status)).map((row) => ({ ...row, status: 'queued' as const }))).map(
      ({ currency, count, amountMinor }) => [currency, { count, amountMinor }],
    ),
  );

const pageSize = 256;
const hashBits = 256n;

/** Over place, record id and fingerprint of every row that waits, whatever the order in which the ledger lists them. */
async function hashOfRows({ ledger }: OperationDeps, batchId: string): Promise<string> {
  let sum = 0n;
  for (let after: string | undefined; ;) {
    const page = await ledger.records({ statuses: ['queued'], batchId, limit: pageSize, ...(after === undefined ? {} : { after }) });
    for (const { record } of page) {
      const { occurrence, recordId, fingerprint } = record;
      const row = JSON.stringify([occurrence.position, recordId, fingerprint]);
      sum = (sum + BigInt(`0x${createHash('sha256').update(row).digest('hex')}`)) % (1n << hashBits);
    }
    if (page.length < pageSize) return sum.toString(16).padStart(Number(hashBits) / 4, '0');
    after = page.at(-1)?.cursor;
  }
}

/** What was not sent of it ends cancelled, and its record ids are free again. */
export async function refuseBatch(deps: OperationDeps, request: RequestOf<'refuse'>): Promise<OperationAnswer> {
  const { batchId, by, reason } = request;
  const { ledger, clock } = deps;
  const refused = (text: string): OperationAnswer => ({ outcome: 'refused', text, data: { batch_id: batchId } });
  if ((await ledger.batch(batchId)) === undefined) return missingBatch(batchId);
  for (;;) {
    const terms = await ledger.terms(batchId);
    const { approval, refusal } = terms;
    if (approval !== null)
      return refused(
        `Batch ${short(batchId)} cannot be refused: ${approval.by} approved it. To stop it: disburse cancel ${short(batchId)}.`,
      );
    if (refusal === null && ((await ledger.gates())?.approval !== 'required' || !isFileBatch(batchId)))
      return refused(`Batch ${short(batchId)} needs no approval. To stop it: disburse cancel ${short(batchId)}.`);
    const next = { ...terms, number: terms.number + 1, refusal: { by, reason, at: clock.now() } };
    if (refusal === null && !(await ledger.setTerms({ batchId, terms: next, expected: terms.number }))) continue;
    const ended = await cancelBatch(deps, { type: 'cancel', batchId, by: refusal?.by ?? by, reason: refusal?.reason ?? reason });
    return {
      ...ended,
      outcome: refusal === null ? 'done' : ended.outcome,
      text: `Batch ${short(batchId)} is refused. ${ended.text}`,
      data: { ...ended.data, refused_by: refusal?.by ?? by },
    };
  }
}
