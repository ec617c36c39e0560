/**
 * Webhooks of the gateway: verified, parsed, judged, written, answered. The answer is OK only when what the webhook teaches is
 * durable, when it teaches nothing, or when it is not ours; anything else makes the gateway send it again.
 *
 * A session that asks for confirmation is confirmed or cancelled after the answer. The record is due later all the same, so
 * that a process that dies in between loses nothing.
 */
import type { Verifier } from '../../batches/gateway/signature.ts';
import type { GatewaySession } from '../../batches/gateway/session.ts';
import { advanceSession } from '../../batches/pipeline/advance.ts';
import { cancelSecondSession, concludeSession, type SessionDeps } from '../../batches/pipeline/follow.ts';
import type { Worker } from '../../batches/pipeline/worker.ts';
import type { Clock } from '../../batches/ports/clock.ts';
import type { Ledger } from '../../batches/ports/ledger.ts';
import type { Change } from '../../batches/record/change.ts';
import type { LedgerRecord } from '../../batches/record/record.ts';
import {
  isOurs,
  learnFromWebhook,
  ownersOf,
  unknownRecordAlert,
  webhookTypes,
  type Webhook,
  type WebhookLesson,
} from '../../batches/record/webhook-evidence.ts';
import { parseWebhook } from './parse-webhook.ts';

export const webhookOutcomes = [
  'applied',
  'known',
  'late',
  'contradicting',
  'not_ours',
  'ledger_behind',
  'bad_signature',
  'unreadable',
  'too_large',
  'unavailable',
] as const;
export type WebhookOutcome = (typeof webhookOutcomes)[number];

/** `unverified`: nothing of it was looked at. */
export const webhookLabels = [...webhookTypes, 'other', 'unverified'] as const;
export type WebhookLabel = (typeof webhookLabels)[number];

export interface WebhookAnswer {
  readonly status: number;
  /** Sent as JSON. */
  readonly body: unknown;
  readonly type: WebhookLabel;
  readonly outcome: WebhookOutcome;
}

export interface WebhookDeps extends SessionDeps {
  readonly verifier: Verifier;
  readonly ledger: Pick<Ledger, 'advance' | 'record' | 'recordOfSession'>;
  readonly clock: Clock;
  /** Rejects when the ledger is not surely the one that was opened: then a record that it does not have says nothing. */
  readonly assertLive: () => Promise<void>;
  /** Something was decided: publish it, and follow the record. */
  readonly onChange: (record: LedgerRecord) => void;
  /** The ledger, or where alerts go, did not take it. */
  readonly onFailure: (cause: unknown) => void;
}

/** Draining it ends what webhooks asked for. */
export interface WebhookReceiver extends Worker {
  /** @param signature of exactly these bytes. Never rejects. */
  receive(bytes: Uint8Array, signature: string | undefined): Promise<WebhookAnswer>;
}

/** A write that takes longer is answered as unavailable; it may be made all the same, and the webhook comes again. */
const answerWithinMs = 10_000;
/** Confirmations that wait at once; more are left to the schedule of their records. */
const maxUnderWay = 1_024;

export function createWebhookReceiver(deps: WebhookDeps): WebhookReceiver {
  const underWay = new Set<Promise<void>>();
  const draining = new AbortController();
  const acting: WebhookDeps = { ...deps, signal: AbortSignal.any([deps.signal, draining.signal]) };
  let failure: { readonly cause: unknown } | undefined;
  let wake = (): void => undefined;

  const mayAct = (): boolean => underWay.size < maxUnderWay && !acting.signal.aborted;
  const start = (record: LedgerRecord, asks: WebhookLesson['asks']): void => {
    if (asks.type === 'nothing' || !mayAct()) return;
    const work = act(acting, record, asks)
      .catch((cause: unknown) => {
        failure ??= { cause };
        wake();
      })
      .finally(() => underWay.delete(work));
    underWay.add(work);
  };
  const throwFailure = (): void => {
    if (failure !== undefined) throw failure.cause;
  };

  return {
    name: 'webhooks',
    started: (wakes) => void (wake = wakes),
    async tick() {
      throwFailure();
      return Number.POSITIVE_INFINITY;
    },
    async drain() {
      draining.abort(new Error('draining'));
      await Promise.all(underWay);
      throwFailure();
    },
    async receive(bytes, signature) {
      if (!(await deps.verifier.verify(bytes, signature)))
        return answer(
          401,
          'unverified',
          'bad_signature',
          'The signature in X-PARTNER-SIGN is missing or not of this body by a key of the gateway.',
        );
      const parsed = parseWebhook(bytes);
      if (!parsed.ok) return answer(400, parsed.type, 'unreadable', parsed.message, parsed.fault);
      const { webhook, session } = parsed;
      try {
        const outcome = await inTime(deps.clock, () => take(deps, webhook, session, { start, mayAct }));
        return { status: 200, body: { status: 'ok' }, type: webhook.type, outcome };
      } catch (cause) {
        deps.onFailure(cause);
        return answer(503, webhook.type, 'unavailable', 'It could not be written; send it again.');
      }
    },
  };
}

const answer = (status: number, type: WebhookLabel, outcome: WebhookOutcome, message: string, error: string = outcome): WebhookAnswer => ({
  status,
  body: { error, message },
  type,
  outcome,
});

async function inTime<Result>(clock: Clock, work: () => Promise<Result>): Promise<Result> {
  const over = new AbortController();
  const late = clock.sleep(answerWithinMs, over.signal).then(() => {
    throw new Error(`a webhook was not written within ${answerWithinMs} ms`);
  });
  try {
    return await Promise.race([work(), late]);
  } finally {
    over.abort(new Error('answered'));
  }
}

interface Acts {
  readonly start: (record: LedgerRecord, asks: WebhookLesson['asks']) => void;
  readonly mayAct: () => boolean;
}

/** Resolves when what the webhook teaches, and every alert of it, is durable. */
async function take(deps: WebhookDeps, webhook: Webhook, session: GatewaySession, acts: Acts): Promise<WebhookLesson['outcome']> {
  const owners = ownersOf(session);
  for (const recordId of new Set(owners.map((owner) => owner.recordId))) {
    const record = await deps.ledger.record(recordId);
    if (record !== undefined) return learn(deps, record, webhook, acts);
  }
  const ours = owners.find((owner) => isOurs(deps.settings.keys, owner));
  if (ours === undefined) {
    // A session that is known needs no metadata.
    const holder = await deps.ledger.recordOfSession(session.id);
    return holder === undefined ? 'not_ours' : learn(deps, holder, webhook, acts);
  }
  await deps.assertLive();
  await deps.alert(unknownRecordAlert(ours, session));
  return 'ledger_behind';
}

async function learn(
  deps: WebhookDeps,
  record: LedgerRecord,
  webhook: Webhook,
  { start, mayAct }: Acts,
): Promise<WebhookLesson['outcome']> {
  // Alerts come first: a webhook that is not answered comes again, and raises the same ones.
  for (const alert of learnFromWebhook(deps.settings, record, webhook, deps.clock.now()).alerts) await deps.alert(alert);
  let learnt: WebhookLesson | undefined;
  const { record: after, isTaken } = await advanceSession(deps, record, (current) => {
    const at = deps.clock.now();
    learnt = learnFromWebhook(deps.settings, current, webhook, at);
    return learnt.change !== null && learnt.asks.type === 'conclude' && mayAct()
      ? dueLater(learnt.change, at + deps.settings.followIntervalMs)
      : learnt.change;
  });
  if (isTaken || learnt?.change !== null) deps.onChange(after);
  if (isTaken || learnt === undefined) return 'contradicting';
  for (const alert of learnt.alerts) await deps.alert(alert);
  start(after, learnt.asks);
  return learnt.outcome;
}

/** This process does what the session asks for; the schedule comes after it. */
const dueLater = (change: Change, dueAt: number): Change => ({ ...change, after: { ...change.after, dueAt } });

async function act(deps: WebhookDeps, record: LedgerRecord, asks: WebhookLesson['asks']): Promise<void> {
  if (asks.type === 'nothing') return;
  const { session } = asks;
  const after =
    asks.type === 'conclude'
      ? await concludeSession(deps, record, { type: 'session', session })
      : await cancelSecondSession(deps, record, session.sessionId);
  deps.onChange(after);
}
