/** From a durable intent to what the gateway answered, for first sends and resends alike. */
import { tripsBreaker, type FailureCode } from '../gateway/failure-codes.ts';
import { deliveryOf, type GatewayResponse } from '../gateway/gateway-response.ts';
import type { Clock } from '../ports/clock.ts';
import type { Gateway } from '../ports/gateway.ts';
import type { Limiter } from '../ports/limiter.ts';
import type { Evidence } from '../record/evidence.ts';
import type { LedgerRecord, Reason } from '../record/record.ts';
import { recordIntent } from '../record/transitions.ts';
import { advance, type StepDeps } from './advance.ts';

/** The gateway connection as a whole. */
export interface GatewayBreaker {
  /** Resolves when sends may pass; rejects with the signal's reason. */
  waitUntilClosed(signal: AbortSignal): Promise<void>;
  /** True while the breaker is open; prepared sends are held back. */
  isOpen(): boolean;
  /** `server_trouble`: the gateway answers that it has failed. */
  record(outcome: 'reached' | 'server_trouble' | 'transport_failure'): void;
}

/** Bounds the records that have a durable intent and are not sent. */
export interface SendQueue {
  /** Waits for a place, and as long as the gateway asked to. Returns a release function; calling it twice is safe. */
  acquire(signal: AbortSignal): Promise<() => void>;
}

/** Runs at most so many calls at once. */
export type Slot = <T>(work: () => Promise<T>) => Promise<T>;

/** What stands between an intent and its bytes. */
export interface SendPath {
  readonly gateway: Pick<Gateway, 'prepare'>;
  readonly sendQueue: SendQueue;
  /** Permits, shared by all instances; taken at send time, so that what waited does not leave in a bunch. */
  readonly limiter: Pick<Limiter, 'acquire' | 'pushBack' | 'slowDown'>;
  readonly breaker: GatewayBreaker;
  readonly slot: Slot;
}

/** Who sends, and until when. */
export interface LeaseTerms {
  readonly owner: string;
  readonly leaseMs: number;
}

export interface RunControl {
  /** No step starts after it is aborted; what is in flight ends by itself. */
  readonly signal: AbortSignal;
  /** The gateway refuses our set-up: the run must stop. */
  readonly haltRun: (reason: Reason) => void;
}

export interface Alerts {
  /** Something that a person must see now. */
  readonly alert: (message: string, record: LedgerRecord) => void;
}

export type SendDeps = StepDeps & SendPath & LeaseTerms & RunControl;

/** Bytes never leave in the last part of a lease, so that a slow machine cannot send beyond its end. */
const leaseMarginMs = 5_000;

/** Waits for a closed breaker and a place in the send queue, while both may change; null when the run is stopping. */
export async function enterSendQueue({
  breaker,
  sendQueue,
  signal,
}: Pick<SendDeps, 'breaker' | 'sendQueue' | 'signal'>): Promise<(() => void) | null> {
  try {
    for (;;) {
      await breaker.waitUntilClosed(signal);
      const leave = await sendQueue.acquire(signal);
      if (!breaker.isOpen()) return leave;
      // The single request of a half-open breaker may be waiting for a place.
      leave();
    }
  } catch (cause) {
    if (signal.aborted) return null;
    throw cause;
  }
}

/** Makes the intent durable if `may` still allows it. Only its writer sends: another's intent looks the same. */
export async function writeIntent(
  deps: StepDeps & LeaseTerms,
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

export interface SendParams {
  readonly record: LedgerRecord;
  readonly bytes: Uint8Array;
  /** Releases the place in the send queue. */
  readonly leave: () => void;
  readonly read: (response: GatewayResponse, record: LedgerRecord) => Evidence;
  /** Asked right before the first byte. */
  readonly timely: () => boolean;
}

export async function send(deps: SendPath & RunControl & { readonly clock: Pick<Clock, 'now'> }, params: SendParams): Promise<Evidence> {
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
    const evidence = read(await call.send({ mayStart }), record);
    // Handle the response before the slot is free, so that the next send sees a pushback or a stop.
    reportToBreaker(deps, evidence);
    return evidence;
  });
}

/** Breaker, rate and run learn from every send. */
function reportToBreaker(deps: Pick<SendDeps, 'breaker' | 'limiter' | 'haltRun'>, evidence: Evidence): void {
  if (evidence.type === 'sighting') {
    deps.breaker.record('reached');
    return;
  }
  const code: FailureCode = evidence.code;
  if (code !== 'lease_over')
    deps.breaker.record(!tripsBreaker[code] ? 'reached' : code in deliveryOf ? 'transport_failure' : 'server_trouble');
  if (evidence.retryAfterMs !== undefined) deps.limiter.pushBack(evidence.retryAfterMs);
  if (code === 'too_many_requests') deps.limiter.slowDown();
  if (evidence.stop) deps.haltRun(evidence.reason);
}

/** Reports a session that is decided, or asks to be, with another amount than the ledger's. */
export function alertMismatch(deps: Alerts, record: LedgerRecord, evidence: Evidence): void {
  if (evidence.type !== 'sighting' || evidence.sighting.amount !== 'different' || evidence.sighting.state === 'pending') return;
  deps.alert(`session ${evidence.sighting.sessionId} shows another amount or currency than the ledger`, record);
}
