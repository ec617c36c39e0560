/** A process that takes webhooks, on a virtual clock: the whole pipeline over a ledger in memory and a gateway of the test. */
import { generateKeyPairSync } from 'node:crypto';
import { expect } from 'vitest';
import { createSigner, createVerifier, anyVerifier, type Verifier } from '../../../batches/gateway/signature.ts';
import type { GatewayResponse } from '../../../batches/gateway/gateway-response.ts';
import { operate } from '../../../batches/operations/operate.ts';
import type { OperationAnswer, OperationRequest } from '../../../batches/operations/request.ts';
import { dispatch } from '../../../batches/pipeline/dispatch.ts';
import { createEngine } from '../../../batches/pipeline/engine.ts';
import { startWorkers } from '../../../batches/pipeline/worker.ts';
import { follow } from '../../../batches/pipeline/follow.ts';
import type { SharedLedger } from '../../../batches/ports/ledger.ts';
import type { Limiter } from '../../../batches/ports/limiter.ts';
import type { Alert, AlertKind } from '../../../batches/record/alert.ts';
import { createFingerprints } from '../../../batches/record/fingerprint.ts';
import type { LedgerRecord } from '../../../batches/record/record.ts';
import { createWebhookReceiver, type WebhookAnswer, type WebhookReceiver } from '../../../consumers/webhook/webhook-receiver.ts';
import { createMemoryStore, openMemoryLedger, type CarryWrite, type MemoryStore } from '../../../src/ledger/memory/ledger.ts';
import { batchA, keys, manifest, session, transitionSettings } from '../../support/builders.ts';
import { createFakeGateway, type GatewayCall } from '../../support/fake-gateway.ts';
import { admitted } from '../../support/ledger-steps.ts';
import { createVirtualClock, type VirtualClock } from '../../support/virtual-clock.ts';

const pair = () =>
  generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
const gatewayKeys = pair();
const nextKeys = pair();
const strangersKeys = pair();
export const signers = {
  gateway: createSigner({ privateKeyPem: gatewayKeys.privateKey }),
  next: createSigner({ privateKeyPem: nextKeys.privateKey }),
  stranger: createSigner({ privateKeyPem: strangersKeys.privateKey }),
};
const rsaVerifier = anyVerifier([gatewayKeys, nextKeys].map(({ publicKey }) => createVerifier(publicKey)));

const unlimited: Limiter = {
  acquire: async (signal) => signal.throwIfAborted(),
  pushBack: () => undefined,
  closedForMs: () => 0,
  nextInMs: () => 0,
  slowDown: () => undefined,
  rate: () => 'unlimited',
};

type Parts = NonNullable<Parameters<typeof session>[0]>;

/** The metadata that we send with `inv-1`. */
export const ours = (attempt = 1, recordId = 'inv-1') => ({
  record_id: recordId,
  attempt,
  idempotency_key: keys.idempotencyKey('payout', recordId, attempt),
});

export const shown = (parts: Parts = {}): Record<string, unknown> => session({ metadata: ours(), ...parts });

export const asks: Parts = { nextAction: 'confirm', entryStatus: 'pending' };
export const succeeded: Parts = { status: 'accepted', entryStatus: 'succeeded' };
export const failed: Parts = { status: 'accepted', entryStatus: 'failed' };

export const ok = (parts: Parts = {}): GatewayResponse => ({
  type: 'answer',
  httpStatus: 200,
  json: { status: 'ok', session: shown(parts) },
});
export const lost: GatewayResponse = { type: 'transport', proof: 'open', code: 'connection_lost', message: 'The connection was lost.' };

export interface WorldOptions {
  readonly respond?: (call: GatewayCall, world: World) => GatewayResponse | Promise<GatewayResponse>;
  readonly confirm?: 'match' | 'manual';
  readonly carry?: CarryWrite;
  /** False: the ledger cannot be asked whether it is the one that was opened. */
  readonly isLive?: boolean;
  /** Of the gateway's signatures; absent: RSA. */
  readonly verifier?: Verifier;
  /** Called before results are published. */
  readonly onPublish?: () => Promise<void>;
  /** Called before an alert is kept. */
  readonly onAlert?: () => void;
}

export interface World {
  readonly clock: VirtualClock;
  readonly store: MemoryStore;
  readonly ledger: SharedLedger;
  /** Calls of the gateway, in their order. */
  readonly calls: string[];
  readonly alerts: Alert[];
  readonly failures: unknown[];
  readonly changed: LedgerRecord[];
  readonly receiver: WebhookReceiver;
  /** Signs the body and posts it. */
  receive(body: unknown, by?: keyof typeof signers): Promise<WebhookAnswer>;
  record(recordId?: string): Promise<LedgerRecord>;
  /** The gateway posts a webhook of this type. */
  webhook(type: string, parts?: Parts): Promise<WebhookAnswer>;
  admit(): Promise<LedgerRecord>;
  /** Admits and sends `inv-1`. */
  send(): Promise<LedgerRecord>;
  /** Sends `inv-1` as it is queued. */
  sendQueued(): Promise<LedgerRecord>;
  follow(): Promise<LedgerRecord>;
  /** A person asks for this. */
  ask(request: OperationRequest): Promise<OperationAnswer>;
  /** What webhooks asked for has been done. */
  acted(): Promise<void>;
  /** Of the results that were decided. */
  statuses(): string[];
}

/** A record that is as before, but for alerts of these kinds. */
export const withAlerts = (record: LedgerRecord, ...kinds: readonly AlertKind[]): unknown => ({
  ...record,
  version: record.version + kinds.length,
  audit: { number: (record.audit?.number ?? 0) + kinds.length, chain: expect.any(String) as unknown },
  alerts: kinds.map((alert): unknown => ({
    alert,
    fact: expect.any(String) as unknown,
    at: expect.any(Number) as unknown,
    acknowledged: false,
  })),
});

export async function openWorld({
  respond = () => lost,
  confirm = 'match',
  carry,
  isLive = true,
  verifier = rsaVerifier,
  onAlert,
  onPublish,
}: WorldOptions = {}): Promise<World> {
  const clock = createVirtualClock();
  const store = createMemoryStore();
  const ledger = openMemoryLedger({ store, rules: transitionSettings, clock, owner: 'one', ...(carry === undefined ? {} : { carry }) });
  const calls: string[] = [];
  const alerts: Alert[] = [];
  const failures: unknown[] = [];
  const published: string[] = [];
  const world = {} as { current: World };
  const gateway = createFakeGateway({
    respond(call) {
      calls.push('sessionId' in call ? `${call.type} ${call.sessionId}` : call.type);
      return respond(call, world.current);
    },
  });
  const engine = createEngine({
    ...{ ledger, gateway, clock, confirm, leaseMs: 60_000, concurrency: 8, monotonic: clock, owner: 'me' },
    sink: {
      async publish(entries) {
        await onPublish?.();
        published.push(...entries.map(({ json }) => json));
        return { mark: null };
      },
      close: async () => undefined,
    },
    limiters: { dispatch: unlimited, follow: unlimited },
    random: () => 0.5,
    machine: () => ({ wallAt: clock.now(), uptimeMs: null }),
    settings: transitionSettings,
    fingerprints: createFingerprints(Buffer.alloc(32)),
    signal: new AbortController().signal,
    stop: (why) => void failures.push(why),
    // As the sinks do: one alert for each record and fact.
    alert: async (alert) => {
      onAlert?.();
      const isSame = (one: Alert): boolean => one.alert === alert.alert && one.recordId === alert.recordId && one.fact === alert.fact;
      if (!alerts.some(isSame)) alerts.push(alert);
    },
    onWait: () => undefined,
    onBreakerChange: () => undefined,
  });
  startWorkers([engine.deps.publisher], {
    // It gathers nothing.
    clock: { sleep: async () => undefined },
    signal: new AbortController().signal,
    onFailure: (cause) => void failures.push(cause),
  });
  // It finds nothing to publish, and is idle then.
  await clock.pass(0);
  const changed: LedgerRecord[] = [];
  const receiver = createWebhookReceiver({
    ...engine.deps,
    verifier,
    async assertLive() {
      if (!isLive) throw new Error('lost');
    },
    onChange(record) {
      changed.push(record);
      engine.deps.publisher.notify();
    },
    onFailure: (cause) => void failures.push(cause),
  });
  await ledger.openBatch(manifest(batchA));

  const receive = async (body: unknown, by: keyof typeof signers = 'gateway'): Promise<WebhookAnswer> => {
    const bytes = Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
    return receiver.receive(bytes, await signers[by].sign(bytes));
  };
  const record = async (recordId = 'inv-1'): Promise<LedgerRecord> => {
    const found = await ledger.record(recordId);
    if (found === undefined) throw new Error(`there is no record ${recordId}`);
    return found;
  };
  world.current = {
    ...{ clock, store, ledger, calls, alerts, failures, changed, receiver, receive, record },
    webhook: (type: string, parts: Parts = {}) => receive({ type, session: shown(parts) }),
    admit: () => admitted(ledger, 'inv-1', 2),
    send: async () => dispatch(engine.deps, await admitted(ledger, 'inv-1', 2), Buffer.from('{}')),
    sendQueued: async () => dispatch(engine.deps, await record(), Buffer.from('{}')),
    follow: async () => follow(engine.deps, await record()),
    ask: (request: OperationRequest) =>
      operate(
        {
          ...engine.deps,
          openSealed: (sealed) => Buffer.from(sealed),
          onChange: () => undefined,
          onResumed: () => undefined,
          follow: null,
          onReopened: () => undefined,
        },
        request,
      ),
    acted: () => clock.pass(0),
    statuses: () =>
      [...new Set([...published, ...[...store.outbox.values()].map(({ json }) => json)])].map(
        (json) => (JSON.parse(json) as { status: string }).status,
      ),
  };
  return world.current;
}
