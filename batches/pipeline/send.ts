/** From a durable intent to what the gateway answered, for first sends and resends alike. */
import type { GatewayResponse } from '../gateway/gateway-response.ts';
import type { Clock } from '../ports/clock.ts';
import type { Gateway } from '../ports/gateway.ts';
import type { Limiter } from '../ports/limiter.ts';
import type { Alert } from '../record/alert.ts';
import type { FirstSendEvidence, ResendEvidence } from '../record/evidence.ts';
import type { LedgerRecord } from '../record/record.ts';
import { recordIntent } from '../record/transitions.ts';
import { advance, type StepDeps } from './advance.ts';
import type { CircuitBreaker } from './circuit-breaker.ts';
import type { SendMonitor } from './send-monitor.ts';

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
  readonly limiter: Pick<Limiter, 'acquire'>;
  readonly breaker: Pick<CircuitBreaker, 'waitUntilClosed' | 'isOpen'>;
  readonly monitor: Pick<SendMonitor, 'report'>;
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
}

export interface Alerts {
  /** Something that a person must see now. */
  readonly alert: (alert: Alert) => void;
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
    const { owner, leaseMs, settings } = deps;
    const change = may(current) ? recordIntent(current, { owner, at: deps.clock.now(), leaseMs, bytes, terms: settings }) : null;
    intent = change?.after;
    return change;
  });
  return { record: after, ours: after === intent };
}

export interface SendParams<Evidence extends FirstSendEvidence | ResendEvidence> {
  readonly record: LedgerRecord;
  readonly bytes: Uint8Array;
  /** Releases the place in the send queue. */
  readonly leave: () => void;
  readonly read: (response: GatewayResponse, record: LedgerRecord) => Evidence;
  readonly isFirst: boolean;
  /** Asked right before the first byte. */
  readonly timely: () => boolean;
}

export async function send<Evidence extends FirstSendEvidence | ResendEvidence>(
  deps: SendPath & Pick<RunControl, 'signal'> & { readonly clock: Pick<Clock, 'now'> },
  { record, bytes, leave, read, isFirst, timely }: SendParams<Evidence>,
): Promise<Evidence> {
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
    deps.monitor.report(evidence, isFirst);
    return evidence;
  });
}
