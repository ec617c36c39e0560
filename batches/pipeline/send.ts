/** One send, from a free slot to what the gateway answered, for first sends and resends alike. */
import type { GatewayResponse } from '../gateway/gateway-response.ts';
import type { Gateway, PreparedCall } from '../ports/gateway.ts';
import type { IntentGate } from '../ports/intent-gate.ts';
import type { Limiter } from '../ports/limiter.ts';
import type { Tracer } from '../ports/tracer.ts';
import type { FirstSendEvidence, ResendEvidence } from '../record/evidence.ts';
import type { Hold } from '../record/gates.ts';
import type { SetPause } from '../record/pause.ts';
import type { LedgerRecord, MachineClocks } from '../record/record.ts';
import { recordIntent } from '../record/transitions.ts';
import { advance, type StepDeps } from './advance.ts';
import type { CircuitBreaker } from './circuit-breaker.ts';
import type { SendMonitor } from './send-monitor.ts';
import { spanEnd, spanOf } from './spans.ts';
import { permitWithinMs, type SendPlace, type SendQueue } from './send-queue.ts';

/** Runs at most so many calls at once. */
export type Slot = <T>(work: () => Promise<T>) => Promise<T>;

/** What comes between an intent and its bytes. */
export interface SendPath {
  readonly gateway: Pick<Gateway, 'prepare'>;
  readonly sendQueue: Pick<SendQueue, 'acquire'>;
  /** Permits, shared by all instances; taken at send time, so that what waited does not leave in a bunch. */
  readonly limiter: Pick<Limiter, 'acquire'>;
  readonly breaker: Pick<CircuitBreaker, 'waitUntilClosed' | 'isOpen'>;
  /** Closed while the ledger could lose an intent or its outcome. */
  readonly intents: IntentGate;
  readonly monitor: Pick<SendMonitor, 'report'>;
  readonly slot: Slot;
  readonly tracer: Tracer;
}

/** Who sends, and until when. */
export interface LeaseTerms {
  readonly owner: string;
  /** The clocks of this machine. */
  readonly machine: () => MachineClocks;
  readonly leaseMs: number;
}

export interface RunControl {
  /** No step starts after it is aborted; what is in flight ends by itself. */
  readonly signal: AbortSignal;
}

export type SendDeps = StepDeps & SendPath & LeaseTerms & RunControl;

/** Bytes never leave in the last part of a lease, so that a slow machine cannot send beyond its end. */
const leaseMarginMs = 5_000;

/** Since when by this machine's own clocks, the highest counts: one that carries the ledger's time on may stand still while it is suspended. */
const passedMs = (before: MachineClocks, now: MachineClocks): number =>
  Math.max(now.wallAt - before.wallAt, (now.uptimeMs ?? 0) - (before.uptimeMs ?? 0));

/** Waits for a closed breaker, an open gate and a place in the send queue, while all may change; null when the run is stopping. */
async function enterSendQueue({
  breaker,
  intents,
  sendQueue,
  signal,
}: Pick<SendDeps, 'breaker' | 'intents' | 'sendQueue' | 'signal'>): Promise<SendPlace | null> {
  try {
    for (;;) {
      await breaker.waitUntilClosed(signal);
      await intents.waitUntilOpen(signal);
      const place = await sendQueue.acquire(signal);
      if (!breaker.isOpen() && intents.isOpen()) return place;
      // The single request of a half-open breaker may be waiting for a place.
      place.leave('permitted');
    }
  } catch (cause) {
    if (signal.aborted) return null;
    throw cause;
  }
}

/** Of what has no intent of ours. Reading the clocks of a machine opens a file, so nothing reads them in vain. */
const notRead: MachineClocks = { wallAt: 0, uptimeMs: null };

/** Makes the intent durable if `may` still allows it. Only its writer sends: another's intent looks the same. */
async function writeIntent(
  deps: StepDeps & LeaseTerms,
  record: LedgerRecord,
  bytes: Uint8Array,
  may: (current: LedgerRecord) => boolean,
): Promise<{
  readonly record: LedgerRecord;
  /** As the intent was decided. */
  readonly clocks: MachineClocks;
  readonly outcome: 'ours' | 'skipped' | 'too_old';
  readonly pause?: SetPause;
  readonly hold?: Hold;
}> {
  let pause: SetPause | undefined;
  let hold: Hold | undefined;
  let intent: LedgerRecord | undefined;
  let isTooOld = false;
  let clocks: MachineClocks = notRead;
  const after = await advance(deps.ledger, record, (current, refused) => {
    isTooOld = refused?.why === 'too_old';
    pause = refused?.why === 'paused' ? refused.pause : undefined;
    hold = refused?.why === 'held' ? refused.hold : undefined;
    const { owner, leaseMs, settings } = deps;
    const at = deps.clock.now();
    clocks = deps.machine();
    const change = may(current) && refused === null ? recordIntent(current, { owner, at, clocks, leaseMs, bytes, terms: settings }) : null;
    intent = change?.after;
    return change;
  });
  if (pause !== undefined) return { record: after, clocks, outcome: 'skipped', pause };
  if (hold !== undefined) return { record: after, clocks, outcome: 'skipped', hold };
  return { record: after, clocks, outcome: after === intent ? 'ours' : isTooOld ? 'too_old' : 'skipped' };
}

export interface SendParams<Evidence extends FirstSendEvidence | ResendEvidence> {
  readonly record: LedgerRecord;
  readonly bytes: Uint8Array;
  readonly read: (response: GatewayResponse, record: LedgerRecord) => Evidence;
  readonly isFirst: boolean;
  /** Asked of the record as it is when the intent is written. */
  readonly mayIntend: (current: LedgerRecord) => boolean;
  /** Asked right before the first byte. */
  readonly timely: (intent: LedgerRecord) => boolean;
}

/**
 * - `skipped`: no intent of ours was written, because the run is stopping or the record has moved on
 * - `paused`: the ledger refused the intent, because the batch or everything is paused
 * - `held`: the ledger refused the intent, because a gate does not let it pass yet
 * - `too_old`: the ledger refused the intent of a resend, because the gateway may have forgotten the key
 */
export type SendResult<Evidence> =
  | { readonly type: 'skipped' | 'too_old'; readonly record: LedgerRecord }
  | { readonly type: 'paused'; readonly record: LedgerRecord; readonly pause: SetPause }
  | { readonly type: 'held'; readonly record: LedgerRecord; readonly hold: Hold }
  | { readonly type: 'ended'; readonly intent: LedgerRecord; readonly evidence: Evidence };

/**
 * One send: slot, signature, place, intent, permit, bytes. The intent is the last thing before the permit, so that it
 * is open only while its bytes are about to leave.
 */
export const send = <Evidence extends FirstSendEvidence | ResendEvidence>(
  deps: SendDeps,
  params: SendParams<Evidence>,
): Promise<SendResult<Evidence>> =>
  deps.slot(async () => {
    const { record, bytes } = params;
    if (deps.signal.aborted) return { type: 'skipped', record };
    const call = await deps.gateway.prepare({ kind: record.kind, bytes, idempotencyKey: record.idempotencyKey });
    const place = await enterSendQueue(deps);
    if (place === null) return { type: 'skipped', record };
    try {
      const span = deps.tracer.start('intent', spanOf(record));
      const written = await writeIntent(deps, record, bytes, params.mayIntend);
      span.end({ 'disburse.outcome': written.pause === undefined ? written.outcome : 'paused' });
      place.intended();
      if (written.pause !== undefined) return { type: 'paused', record: written.record, pause: written.pause };
      if (written.hold !== undefined) return { type: 'held', record: written.record, hold: written.hold };
      if (written.outcome !== 'ours') return { type: written.outcome, record: written.record };
      const { record: intent, clocks } = written;
      return { type: 'ended', intent, evidence: await sendNow(deps, params, { call, place, intent, clocks }) };
    } finally {
      place.leave('permitted');
    }
  });

/** What is sent behind its intent. */
export interface Intended {
  readonly call: PreparedCall;
  readonly place: SendPlace;
  readonly intent: LedgerRecord;
  readonly clocks: MachineClocks;
}

/** The last part of a send: its intent is durable, and ours. */
export async function sendNow<Evidence extends FirstSendEvidence | ResendEvidence>(
  deps: SendDeps,
  { read, isFirst, timely }: Pick<SendParams<Evidence>, 'read' | 'isFirst' | 'timely'>,
  { call, place, intent, clocks }: Intended,
): Promise<Evidence> {
  const lastStart = (intent.leaseUntil ?? 0) - leaseMarginMs;
  // A stop, or no permit in time, is no failure: mayStart then says no, which proves that nothing was sent.
  const permitted = await deps.limiter.acquire(deps.signal, permitWithinMs).then(
    () => true,
    () => false,
  );
  place.leave(permitted || deps.signal.aborted ? 'permitted' : 'late');
  const isLeased = (): boolean => deps.clock.now() < lastStart && passedMs(clocks, deps.machine()) < deps.leaseMs - leaseMarginMs;
  const mayStart = (): boolean => permitted && !deps.signal.aborted && !deps.breaker.isOpen() && timely(intent) && isLeased();
  const span = deps.tracer.start(isFirst ? 'send' : 'resend', spanOf(intent));
  const evidence = read(await call.send({ mayStart }), intent);
  span.end(spanEnd(evidence));
  // Handle the response before the slot is free, so that the next send sees a pushback or a stop.
  deps.monitor.report(evidence, isFirst);
  return evidence;
}
