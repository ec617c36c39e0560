/** `serve` in the distributed profile: one of any number of instances that share the instructions topic and the ledger. */
import { cancelAllQueued } from '../../../batches/pipeline/cancel-queued.ts';
import { createDueWorker } from '../../../batches/pipeline/due-worker.ts';
import { createBatchSweeper, createOutboxTakeOver } from '../../../batches/pipeline/recovery-sweeper.ts';
import { createParkedSweeper } from '../../../batches/pipeline/pause-watch.ts';
import { createRetention } from '../../../batches/pipeline/retention.ts';
import type { Worker } from '../../../batches/pipeline/worker.ts';
import type { Signer } from '../../../batches/gateway/signature.ts';
import { monotonicClock, preciseClock, wallClock } from '../../clock.ts';
import type { WebhookReceiver } from '../../../consumers/webhook/webhook-receiver.ts';
import { resultsFromTopic } from '../../kafka/results-reader.ts';
import { scriptRunner } from '../../redis/by-key-scripts.ts';
import { createRedisLimiter } from '../../limiter/redis/limiter.ts';
import { gatewayCheck } from '../../service/checks.ts';
import { meteredLedger } from '../../service/metered.ts';
import { ledgerSources, pausesCheck } from '../../service/operator-counts.ts';
import { breakerPosition } from '../../service/metric-feeds.ts';
import type { MetricSources } from '../../service/metric-sources.ts';
import { createGatewayStack, openWebhooks, type GatewayStack } from '../gateway-stack.ts';
import { gatesOf, holdGates } from '../hold-gates.ts';
import { sharedOperator } from '../operations.ts';
import type { Profile, ProfileParams } from '../profile.ts';
import { connect, type Connected } from './connect.ts';
import { createInstructionConsumer, type InstructionConsumer } from './instruction-consumer.ts';
import { submitToTopic, topicOf } from './submit.ts';

export type InstanceParams = ProfileParams & { readonly signer: Signer };

/** Results gather only shortly: a message's offset waits for them. */
const gatherMs = 5;
/** Bytes leave so soon after their intent, or not at all. Another instance takes over what a dead one left when its lease is over. */
const leaveWithinMs = 20_000;
/**
 * An instance that claims a due record has so long for its step before another may. Two that take the same one check it
 * twice; only one of them can make an intent.
 */
const claimMs = 20_000;
/** While nothing is due. What this or another instance sends falls due later than after half of FOLLOW_INTERVAL_MS. */
const idleAtMostMs = 1_000;
/** An event that waited so long was left by an instance that died. */
const leftAfterMs = 60_000;
/** While there is more to pack: about a thousand records a second, which takes a tenth of a Redis. */
const packing = { groupSize: 128, betweenGroupsMs: 100 };

interface Parts {
  readonly params: InstanceParams;
  readonly connected: Connected;
  readonly stack: GatewayStack;
  readonly consumer: InstructionConsumer;
  readonly webhooks: WebhookReceiver | null;
}

/** @throws {CommandError} see `connect` */
export async function openInstance(params: InstanceParams): Promise<Profile> {
  const connected = metered(await connect(params), params.metrics);
  await holdGates(connected.ledger, { asked: gatesOf(params.config), logger: params.logger, now: connected.clock.now });
  const stack = createGatewayStack({
    ...params,
    ...connected,
    limiters: { dispatch: limiterOf(params, connected, 'dispatch'), follow: limiterOf(params, connected, 'follow') },
    gatherMs,
    intents: connected.ledger.health,
    machine: wallClock,
    leaseMs: params.config.settings.GATEWAY_TIMEOUT_MS + leaveWithinMs,
  });
  const consumer = createInstructionConsumer({ params, connected, deps: { ...stack.deps, ledger: connected.ledger } });
  const { ledger } = connected;
  const webhooks = openWebhooks(params, stack.deps, {
    // The ledger itself has when it falls due, for every instance.
    follow: () => undefined,
    // A script of every shard: it notices that Redis has lost data.
    assertLive: async () => void (await ledger.takeOverOutbox({ olderThanMs: leftAfterMs, limit: 1 })),
  });
  return profileOf({ params, connected, stack, consumer, webhooks });
}

const metered = (connected: Connected, metrics: ProfileParams['metrics']): Connected =>
  metrics === undefined ? connected : { ...connected, ledger: meteredLedger(connected.ledger, metrics) };

function limiterOf({ config: { settings }, logger }: InstanceParams, { redis }: Connected, name: 'dispatch' | 'follow') {
  const rate = name === 'dispatch' ? settings.DISPATCH_RATE : settings.FOLLOW_RATE;
  return createRedisLimiter({
    redis: scriptRunner(redis),
    prefix: settings.REDIS_PREFIX,
    name,
    rate,
    // Below 200 a second there is no burst that would catch up what a late timer costs.
    clock: rate !== 'unlimited' && rate < 200 ? preciseClock : monotonicClock,
    now: monotonicClock.now,
    random: Math.random,
    onTrouble: ({ message }) => logger.warn(`rate limiter ${name} waiting for Redis; sending is paused: ${message}`),
  });
}

function profileOf(parts: Parts): Profile {
  const { params, connected, stack, consumer } = parts;
  const { config, stopping, logger } = params;
  const { ledger, clock } = connected;
  const enqueue = { ...stack.deps, ...topicOf(connected, config.settings.KAFKA_GROUP), ledger };
  return {
    ledger,
    clock,
    submit: (request) => submitToTopic(enqueue, { ...request, detach: false, idleTimeoutMs: params.patienceMs }),
    operate: sharedOperator({ ...stack.deps, follow: stack.deps, ledger }, connected.ledgerKey, params.metrics),
    alert: stack.deps.alert,
    unfinishedFiles: () => Promise.resolve([]),
    cancelQueued: (batchId, reason) => cancelAllQueued(stack.deps, batchId, reason),
    note: () => null,
    results: (since) =>
      resultsFromTopic(config, {
        from: since,
        follow: false,
        signal: stopping.signal,
        onWarning: (message) => logger.warn(message),
      }),
    webhooks: parts.webhooks,
    workers: () => workersOf(parts),
    checks: () => ({
      // Touches every shard.
      ledger: async () => ledger.batches({ newest: 1 }).then(() => ({ ok: true })),
      kafka: () => (consumer.isMember() ? { ok: true } : { ok: false, detail: 'not in the consumer group' }),
      gateway: () => gatewayCheck(stack.breaker),
      pauses: () => pausesCheck(ledger),
    }),
    metricSources: () => sourcesOf(parts),
    finish: () => stack.close(),
    runMaintenance: () => Promise.resolve(),
    async close() {
      try {
        await stack.close();
      } finally {
        await connected.close();
      }
    },
  };
}

function workersOf({ params, connected, stack, consumer, webhooks }: Parts): readonly Worker[] {
  const { ledger, clock } = connected;
  const { deps } = stack;
  const { LEDGER_RETENTION: retentionMs, FOLLOW_INTERVAL_MS: followMs } = params.config.settings;
  const idleMs = Math.min(idleAtMostMs, followMs / 2);
  return [
    ledger.health,
    consumer,
    ...(webhooks === null ? [] : [webhooks]),
    createDueWorker(deps, {
      due: (limit) => ledger.claimDue({ limit, leaseMs: claimMs }),
      claims: true,
      idleMs,
      waitMs: params.patienceMs,
    }),
    deps.pauses,
    createParkedSweeper(deps),
    createOutboxTakeOver({ ledger, publisher: deps.publisher }),
    createBatchSweeper({ ledger, clock, signal: params.stopping.signal }),
    createRetention({ ledger, retentionMs, ...packing }),
  ];
}

const sourcesOf = ({ params, connected, stack, consumer }: Parts): Partial<MetricSources> => ({
  ...ledgerSources(connected.ledger),
  consumerLag: () => consumer.lag(),
  consumerFetchAgeMs: () => consumer.fetchAgeMs(),
  dispatchRateLimit: () => stack.deps.limiter.rate(),
  dispatchRateConfigured: () => params.config.settings.DISPATCH_RATE,
  breaker: () => breakerPosition(stack.breaker),
  inFlight: () => consumer.inFlight(),
});
