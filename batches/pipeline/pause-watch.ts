/**
 * What is paused, as far as this process knows, and its end: what it parked is due again. The ledger itself refuses intents
 * that are paused; this only saves asking it for each of them.
 */
import type { Clock } from '../ports/clock.ts';
import type { Ledger } from '../ports/ledger.ts';
import type { Change } from '../record/change.ts';
import type { LedgerRecord } from '../record/record.ts';
import { holdOf, isFileBatch, type BatchTerms, type Gates, type Hold } from '../record/gates.ts';
import { approve, unpark, waitsForApproval, waitsForResume } from '../record/parking.ts';
import { pauseOf, type SetPause } from '../record/pause.ts';
import { cancelRecord } from '../record/person-steps.ts';
import { advance, type StepDeps } from './advance.ts';
import type { OutboxRelay } from './outbox-relay.ts';
import type { Worker } from './worker.ts';

export interface PauseWatch extends Worker {
  /** What pauses the batch, as the ledger has it; that nothing does may be a fraction of a second old. */
  of(batchId: string): Promise<SetPause | undefined>;
  /** What the gates hold the first sends of the batch for, as the ledger has it; that nothing does may be a fraction of a second old. */
  holdOf(batchId: string): Promise<Hold | null>;
  /** Whether a limit of the day holds for the currency, no older than that. */
  limitsDay(currency: string): Promise<boolean>;
  /** Who confirms, no older than that. */
  confirm(): Promise<'match' | 'manual'>;
  /** A record of the batch was parked: it is due again when the pause ends. */
  parked(batchId: string): void;
}

export type PauseWatchDeps = StepDeps & {
  readonly ledger: Pick<Ledger, 'pauses' | 'gates' | 'terms' | 'records' | 'advance'>;
  readonly clock: Pick<Clock, 'now'>;
  /** Records of the batch are due. */
  readonly onResumed: (batchId: string) => void;
  /** Records have ended, and have events that are not published. */
  readonly onEnded: () => void;
};

const freshMs = 250;
const everyMs = 500;
const pageSize = 256;

export function createPauseWatch(deps: PauseWatchDeps): PauseWatch {
  const { ledger, clock } = deps;
  const parkedIn = new Set<string>();
  let known: Promise<readonly SetPause[]> | undefined;
  let knownAt = Number.NEGATIVE_INFINITY;

  const pauses = (): Promise<readonly SetPause[]> => {
    const now = clock.now();
    if (known === undefined || now - knownAt >= freshMs || now < knownAt) {
      known = ledger.pauses();
      knownAt = now;
    }
    return known;
  };
  const of: PauseWatch['of'] = async (batchId) => {
    const pause = pauseOf(await pauses(), batchId);
    if (!keepsWaiting(pause)) return pause;
    // What is remembered may be from before the end of the pause: only the ledger says that it is still paused.
    known = undefined;
    return pauseOf(await pauses(), batchId);
  };
  const { gates, holdOf: hold } = createGateWatch(deps);

  const isHeld = async (batchId: string): Promise<boolean> => (await hold(batchId))?.code === 'awaiting_approval';
  return {
    name: 'pause watch',
    of,
    holdOf: hold,
    limitsDay: async (currency) => (await gates())?.maxDayTotal[currency] !== undefined,
    confirm: async () => (await gates())?.confirm ?? 'match',
    parked: (batchId) => void parkedIn.add(batchId),
    async tick() {
      for (const batchId of parkedIn) {
        if (keepsWaiting(await of(batchId)) || (await isHeld(batchId))) continue;
        if ((await unparkBatch(deps, batchId)) > 0) deps.onResumed(batchId);
        deps.onEnded();
        // Forgotten only when it is still not paused afterwards: what was parked meanwhile is looked at again.
        if (!keepsWaiting(pauseOf(await ledger.pauses(), batchId)) && !(await isHeld(batchId))) parkedIn.delete(batchId);
      }
      return everyMs;
    },
  };
}

/** Batches whose terms are remembered for a moment. */
const termsAtMost = 1_000;

function createGateWatch({ ledger, clock }: Pick<PauseWatchDeps, 'ledger' | 'clock'>) {
  let known: { readonly gates: Promise<Gates | null>; readonly at: number } | undefined;
  const terms = new Map<string, { readonly terms: Promise<BatchTerms>; readonly at: number }>();
  const isFresh = (at: number): boolean => at <= clock.now() && clock.now() - at < freshMs;
  const gates = (): Promise<Gates | null> => {
    if (known === undefined || !isFresh(known.at)) known = { gates: ledger.gates(), at: clock.now() };
    return known.gates;
  };
  const termsOf = (batchId: string): Promise<BatchTerms> => {
    let found = terms.get(batchId);
    if (found === undefined || !isFresh(found.at)) {
      if (terms.size >= termsAtMost) terms.clear();
      terms.set(batchId, (found = { terms: ledger.terms(batchId), at: clock.now() }));
    }
    return found.terms;
  };
  return {
    gates,
    // Events have no terms, and most ledgers hold nothing.
    holdOf: async (batchId: string): Promise<Hold | null> => {
      if (!isFileBatch(batchId)) return null;
      for (let isAsked = false; ; isAsked = true) {
        const hold = holdOf(batchId, { gates: await gates(), terms: await termsOf(batchId), now: clock.now() });
        if (hold === null || isAsked) return hold;
        // What is remembered may be from before the approval, or the end of the rule: only the ledger says what still holds.
        known = undefined;
        terms.delete(batchId);
      }
    },
  };
}

/** What was cancelled waits for nothing. */
const keepsWaiting = (pause: SetPause | undefined): boolean => pause !== undefined && pause.code !== 'cancelled';

/** Once after the start: an instance that died in the middle of a resume, or right after it parked a record, left records parked. */
export const createParkedSweeper = (
  deps: Parameters<typeof unparkBatch>[0] & { readonly publisher: Pick<OutboxRelay, 'notify'> },
): Worker => ({
  name: 'parked records',
  async tick() {
    await unparkBatch(deps, null);
    deps.publisher.notify();
    return Number.POSITIVE_INFINITY;
  },
});

type UnparkLedger = Pick<Ledger, 'pauses' | 'gates' | 'terms' | 'records' | 'advance'>;

/**
 * Makes due what waits for the end of a pause, of batches that nothing pauses any more. What waits in a batch that was
 * cancelled ends: the process that parked it did not know of the cancellation yet.
 *
 * What waits for the approval of its file is due as soon as it is approved, or needs no approval any more.
 *
 * @param batchId null for all batches
 * @returns how many records are due
 */
export async function unparkBatch(
  deps: StepDeps & { readonly ledger: UnparkLedger },
  batchId: string | null,
  { by, onResumed }: { readonly by?: string; readonly onResumed?: (batchId: string) => void } = {},
): Promise<number> {
  const pauses = await deps.ledger.pauses();
  const isApproved = createApprovalLook(deps.ledger);
  let count = 0;
  for (let after: string | undefined; ;) {
    const query = { statuses: ['queued'], limit: pageSize, ...(batchId === null ? {} : { batchId }) } as const;
    const page = await deps.ledger.records({ ...query, ...(after === undefined ? {} : { after }) });
    const waiting = page.filter(({ record }) => waitsForResume(record) && !keepsWaiting(pauseOf(pauses, record.batchId)));
    const approved = await Promise.all(
      page.filter(({ record }) => waitsForApproval(record)).map(({ record }) => release(deps, record, isApproved)),
    );
    const moved = await Promise.all(
      waiting.map(({ record }) =>
        advance(deps.ledger, record, (current) => {
          const at = deps.clock.now();
          const cancelled = pauseOf(pauses, record.batchId);
          if (cancelled === undefined) return unpark(deps.settings, current, { ...(by === undefined ? {} : { by }), at });
          return waitsForResume(current) ? endCancelled(deps.settings, current, cancelled, at) : null;
        }),
      ),
    );
    const all = [...moved, ...approved.filter((record) => record !== null)];
    count += all.filter(({ dueAt }) => dueAt !== null).length;
    if (onResumed !== undefined) for (const one of new Set(all.map((record) => record.batchId))) onResumed(one);
    if (page.length < pageSize) return count;
    after = page.at(-1)?.cursor;
  }
}

type ApprovalLook = (batchId: string) => Promise<BatchTerms | null>;

/** The terms of a batch whose file needs no further approval; null while it does. */
function createApprovalLook(ledger: Pick<Ledger, 'gates' | 'terms'>): ApprovalLook {
  const known = new Map<string, Promise<BatchTerms | null>>();
  const look = async (batchId: string): Promise<BatchTerms | null> => {
    const terms = await ledger.terms(batchId);
    return terms.approval === null && (await ledger.gates())?.approval === 'required' ? null : terms;
  };
  return (batchId) => {
    const found = known.get(batchId) ?? look(batchId);
    known.set(batchId, found);
    return found;
  };
}

/** Of a file that waits for its approval no longer. */
async function release(
  deps: StepDeps & { readonly ledger: UnparkLedger },
  record: LedgerRecord,
  look: ApprovalLook,
): Promise<LedgerRecord | null> {
  const terms = await look(record.batchId);
  if (terms === null) return null;
  const by = terms.approval ?? { by: 'disburse', reason: 'no approval is needed any more', at: deps.clock.now(), hash: '' };
  return advance(deps.ledger, record, (current) => approve(deps.settings, current, by, deps.clock.now()));
}

/** By the word of who cancelled the batch. */
export function endCancelled(rules: StepDeps['settings'], record: LedgerRecord, { by, reason }: SetPause, at: number): Change | null {
  const decision = cancelRecord(rules, record, { by, reason: reason ?? '', at });
  return decision.type === 'change' ? decision.change : null;
}
