/**
 * The way of one instruction to the gateway, written once: what is durable before what.
 *
 *   place -> intent durable -> permit -> bytes -> answer -> outcome durable
 *
 * May I send this now? is asked here and nowhere else.
 */
import { deliveryOf, type GatewayResponse } from '../gateway/gateway-response.ts';
import { readResponse, readResendResponse, type Evidence } from '../record/evidence.ts';
import { tripsBreaker, type FailureCode } from '../gateway/failure-codes.ts';
import { isSameOccurrence, type ValidInstruction, type JsonObject } from '../instruction/instruction.ts';
import type { Clock } from '../ports/clock.ts';
import type { Gateway } from '../ports/gateway.ts';
import type { Ledger } from '../ports/ledger.ts';
import type { Limiter } from '../ports/limiter.ts';
import { advanceOne } from '../ports/single.ts';
import type { Change, LedgerRecord, Reason } from '../record/record.ts';
import { retryPauseMs } from '../record/backoff.ts';
import {
  giveUpResend,
  recordIntent,
  applyEvidence,
  resendableUntil,
  whyNotResend,
  type TransitionSettings,
} from '../record/transitions.ts';

/** Bytes never leave in the last part of a lease, so that a slow machine cannot send beyond its end. */
const leaseMarginMs = 5_000;

/** The way to the gateway as a whole: closed while it seems broken. */
export interface GatewayBreaker {
  /** Waits while the way is closed. */
  waitUntilClosed(signal: AbortSignal): Promise<void>;
  /** Closed at this moment: what is ready to leave stays here. */
  isOpen(): boolean;
  /** `server_trouble`: it answers, but that it has failed. */
  record(outcome: 'reached' | 'server_trouble' | 'transport_failure'): void;
}

/** What stands between intent and bytes, bounded. */
export interface SendQueue {
  /** Waits for a place, and as long as the gateway asked to; answers how to leave it again, which may be done twice. */
  acquire(signal: AbortSignal): Promise<() => void>;
}

export interface DispatchDeps {
  readonly ledger: Ledger;
  readonly gateway: Gateway;
  /** Places for what has an intent and no bytes out yet: few, since a crash leaves each of them open. */
  readonly sendQueue: SendQueue;
  /** Permits, shared by all instances; taken at the wire, so that nothing that waited leaves in a bunch. */
  readonly limiter: Limiter;
  readonly breaker: GatewayBreaker;
  readonly clock: Clock;
  readonly settings: TransitionSettings;
  /** Runs at most so many sends at once (p-limit). */
  readonly slot: <T>(work: () => Promise<T>) => Promise<T>;
  readonly owner: string;
  readonly leaseMs: number;
  /** Nothing new is begun after it is aborted; what is in flight ends by itself. */
  readonly signal: AbortSignal;
  /** The gateway says that our set-up is wrong: the run must stop. */
  readonly haltRun: (reason: Reason) => void;
  /** Something that a person must see now. */
  readonly alert: (message: string, record: LedgerRecord) => void;
}

/** The exact bytes of an instruction: the caller's metadata beside ours, serialised once. */
export function serialise(draft: ValidInstruction, attempt: number): Buffer {
  const ours = { record_id: draft.recordId, attempt };
  const { metadata } = draft;
  const merged: JsonObject =
    metadata === undefined ? ours : typeof metadata === 'object' ? { ...metadata, ...ours } : { ...ours, metadata };
  return Buffer.from(JSON.stringify({ ...draft.body, metadata: merged }), 'utf8');
}

/**
 * Writes what `decide` says of the record as it is; decides anew when somebody else moved it meanwhile.
 *
 * @returns the record afterwards
 */
export async function advance(
  ledger: Ledger,
  record: LedgerRecord,
  decide: (current: LedgerRecord) => Change | null,
): Promise<LedgerRecord> {
  let current = record;
  for (;;) {
    const change = decide(current);
    if (change === null) return current;
    const written = await advanceOne(ledger, change);
    if (written.ok) return change.after;
    current = written.current;
  }
}

/** Sends a queued record for the first time, as often as it is proven that nothing arrived. */
export async function dispatch(deps: DispatchDeps, queued: LedgerRecord, bytes: Uint8Array): Promise<LedgerRecord> {
  let record = queued;
  for (let tries = 1; ; tries += 1) {
    if (deps.signal.aborted || record.status !== 'queued') return record;
    const leave = await enterSendQueue(deps);
    if (leave === null) return record;
    let finding: Evidence;
    try {
      // Under a record id that was free again may stand another instruction by now.
      const isStillOurs = (current: LedgerRecord): boolean =>
        current.status === 'queued' && isSameOccurrence(current.occurrence, queued.occurrence);
      const intent = await writeIntent(deps, record, bytes, isStillOurs);
      record = intent.record;
      if (!intent.ours) return record;
      finding = await send(deps, { record, bytes, leave, read: readResponse, timely: () => true });
    } finally {
      leave();
    }
    // That nothing was sent is proven of this intent only: somebody else's, made since, may be on its way.
    const { version } = record;
    record = await advance(deps.ledger, record, (current) =>
      finding.type === 'not_sent' && current.version !== version ? null : applyEvidence(deps.settings, current, finding, deps.clock.now()),
    );
    alertMismatch(deps, record, finding);
    if (finding.type !== 'not_sent' || finding.stop || record.status !== 'queued') return record;

    const pause = Math.max(retryPauseMs(tries, deps.settings.random), finding.retryAfterMs ?? 0);
    await deps.clock.sleep(pause, deps.signal).catch(() => undefined);
  }
}

/**
 * Repeats an open send with the same key and the same bytes, while the gateway surely remembers the key. The
 * lifetime is checked right before the first byte.
 */
export async function resend(deps: DispatchDeps, open: LedgerRecord): Promise<LedgerRecord> {
  const now = deps.clock.now();
  const bytes = await deps.ledger.body(open.recordId);
  const why = bytes === undefined ? 'its bytes are not kept' : whyNotResend(deps.settings, open, now);
  if (why !== null || bytes === undefined) {
    return advance(deps.ledger, open, (current) =>
      isStillOpen(current, open) ? giveUpResend(deps.settings, current, why ?? '', now) : null,
    );
  }
  const leave = await enterSendQueue(deps);
  if (leave === null) return open;
  let record: LedgerRecord;
  let learnt: Evidence;
  try {
    const intent = await writeIntent(deps, open, bytes, (current) => isStillOpen(current, open) && current.sends === open.sends);
    record = intent.record;
    if (!intent.ours) return record;
    const timely = (): boolean => deps.clock.now() < resendableUntil(deps.settings, record);
    learnt = await send(deps, { record, bytes, leave, read: readResendResponse, timely });
  } finally {
    leave();
  }
  // A repeat that did not leave teaches nothing: why the record is open stays what it was.
  const unsent = learnt.type !== 'sighting' && learnt.code === 'lease_over';
  const finding = unsent && open.reason !== null ? { ...learnt, reason: open.reason } : learnt;
  const after = await advance(deps.ledger, record, (current) => {
    if (!unsent) return applyEvidence(deps.settings, current, finding, deps.clock.now());
    // Nor does it count as one of the sends after which it is given up; of somebody else's send it says nothing.
    return current.version === record.version
      ? applyEvidence(deps.settings, { ...current, sends: open.sends }, finding, deps.clock.now())
      : null;
  });
  alertMismatch(deps, after, finding);
  return after;
}

/** A session that says it is decided, or wants to be, with another amount than ours: somebody must see that now. */
export function alertMismatch(deps: Pick<DispatchDeps, 'alert'>, record: LedgerRecord, finding: Evidence): void {
  if (finding.type !== 'sighting' || finding.sighting.amount !== 'different' || finding.sighting.state === 'pending') return;
  deps.alert(`session ${finding.sighting.sessionId} shows another amount or currency than the ledger`, record);
}

/** Waits for an open way and a place in the line, which may have closed meanwhile; null when we are stopping. */
async function enterSendQueue({ breaker: way, sendQueue: line, signal }: DispatchDeps): Promise<(() => void) | null> {
  try {
    for (;;) {
      await way.waitUntilClosed(signal);
      const leave = await line.acquire(signal);
      if (!way.isOpen()) return leave;
      // The one call that tries the way may be waiting for a place.
      leave();
    }
  } catch (cause) {
    if (signal.aborted) return null;
    throw cause;
  }
}

/** Makes the intent durable if it `may` be made still. Only who wrote it sends: another's intent looks the same. */
async function writeIntent(
  deps: DispatchDeps,
  record: LedgerRecord,
  bytes: Uint8Array,
  may: (current: LedgerRecord) => boolean,
): Promise<{ readonly record: LedgerRecord; readonly ours: boolean }> {
  let intent: LedgerRecord | undefined;
  const after = await advance(deps.ledger, record, (current) => {
    const change = may(current) ? recordIntent(current, { owner: deps.owner, at: deps.clock.now(), leaseMs: deps.leaseMs, bytes }) : null;
    intent = change?.after;
    return change;
  });
  return { record: after, ours: after === intent };
}

const isStillOpen = (current: LedgerRecord, open: LedgerRecord): boolean =>
  current.status === 'unknown' && current.sessionId === null && current.attempt === open.attempt;

async function send(
  deps: DispatchDeps,
  params: {
    readonly record: LedgerRecord;
    readonly bytes: Uint8Array;
    readonly leave: () => void;
    readonly read: (answer: GatewayResponse, record: LedgerRecord) => Evidence;
    readonly timely: () => boolean;
  },
): Promise<Evidence> {
  const { record, bytes, leave, read, timely } = params;
  const lastStart = (record.leaseUntil ?? 0) - leaseMarginMs;
  let permitted = false;
  const mayStart = (): boolean => permitted && !deps.signal.aborted && !deps.breaker.isOpen() && timely() && deps.clock.now() < lastStart;
  const call = await deps.gateway.prepare({ kind: record.kind, bytes, idempotencyKey: record.idempotencyKey });
  return deps.slot(async () => {
    // A stop or the end of the lease during the wait is no failure: mayStart then says no, which proves that nothing was sent.
    permitted = await deps.limiter.acquire(deps.signal, lastStart - deps.clock.now()).then(
      () => true,
      () => false,
    );
    leave();
    const finding = read(await call.send({ mayStart }), record);
    // Handle the response before the slot is free, so that the next send sees a pushback or a stop.
    reportToBreaker(deps, finding);
    return finding;
  });
}

/** Breaker, pace and stop learn from every send. */
function reportToBreaker(deps: Pick<DispatchDeps, 'breaker' | 'limiter' | 'haltRun'>, finding: Evidence): void {
  if (finding.type === 'sighting') {
    deps.breaker.record('reached');
    return;
  }
  const code: FailureCode = finding.code;
  if (code !== 'lease_over')
    deps.breaker.record(!tripsBreaker[code] ? 'reached' : code in deliveryOf ? 'transport_failure' : 'server_trouble');
  if (finding.retryAfterMs !== undefined) deps.limiter.pushBack(finding.retryAfterMs);
  if (code === 'too_many_requests') deps.limiter.slowDown();
  if (finding.stop) deps.haltRun(finding.reason);
}
