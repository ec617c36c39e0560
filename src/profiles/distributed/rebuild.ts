/** Writes the ledger in Redis from the topics: what `rebuild` opens and reads. */
import { randomUUID } from 'node:crypto';
import { createFingerprints } from '../../../batches/record/fingerprint.ts';
import type { ResultEvent } from '../../../batches/record/result-event.ts';
import { createKeyDerivation } from '../../../batches/record/idempotency-key.ts';
import { readMessage } from '../../../batches/event/read-message.ts';
import { maxInFlight } from '../../../batches/pipeline/offsets/assignment.ts';
import { rebuild as rebuildFrom, type RebuildDeps } from '../../../batches/pipeline/rebuild-ledger.ts';
import type { RebuildReport } from '../../../batches/pipeline/rebuild-report.ts';
import { readTopic } from '../../../consumers/kafka/read-topic.ts';
import { monotonicClock, systemClock } from '../../clock.ts';
import type { Config } from '../../config/config.ts';
import { CommandError, exitCodes } from '../../exit.ts';
import type { CreateKafka } from '../../kafka/client.ts';
import { committedOffsets, groupMembers } from '../../kafka/consumer-group.ts';
import { checkKafka } from '../../kafka/reachability.ts';
import { resultsFromTopic } from '../../kafka/results-reader.ts';
import { topicNames } from '../../kafka/topic-plan.ts';
import { topicsExist } from '../../kafka/topics.ts';
import { createRedisClock } from '../../ledger/redis/clock.ts';
import { openRedisLedger } from '../../ledger/redis/ledger.ts';
import { beginRebuild, finishRebuild, pauseRebuilt } from '../../ledger/redis/rebuild.ts';
import { createTopicSeal } from '../../ledger/seal.ts';
import { createRebuildIndex } from '../../recovery/rebuild-index.ts';
import type { RedisConnection } from '../../redis/connection.ts';
import type { Shutdown } from '../../service/shutdown.ts';
import { grouped } from '../../terminal/format.ts';
import { bindingOf } from '../binding.ts';
import { gatesOf, holdGates } from '../hold-gates.ts';
import { transitionSettings } from '../transition-settings.ts';

/** What a rebuild works with, once nothing prevents it. */
export interface RebuildSession {
  readonly config: Config;
  readonly allowUnsafeRedis: boolean;
  readonly stopping: Shutdown;
  readonly warn: (message: string) => void;
  readonly ledgerKey: Buffer;
  readonly createKafka: CreateKafka;
  readonly connection: RedisConnection;
}

/** @throws {CommandError} exit 1 while an instance works, and where Kafka cannot be reached */
export async function assertNoInstance({ settings }: Config, createKafka: CreateKafka): Promise<void> {
  await checkKafka(createKafka, { clock: systemClock });
  await topicsExist(createKafka, Object.values(topicNames(settings.KAFKA_TOPIC_PREFIX)) as string[]);
  const living = await groupMembers(createKafka, settings.KAFKA_GROUP);
  if (living === 0) return;
  throw new CommandError(
    exitCodes.usage,
    `${living} ${living === 1 ? 'instance is active' : 'instances are active'} in the group ${settings.KAFKA_GROUP} (or died within the last 10 s): stop all of them first.`,
  );
}

/** Replaces everything under the prefix; until it has ended, no instance pays. */
export async function rebuildIn(session: RebuildSession): Promise<RebuildReport> {
  const { config, allowUnsafeRedis, stopping, warn, ledgerKey, connection } = session;
  const binding = bindingOf(config);
  const clock = await createRedisClock({ connection, monotonic: monotonicClock });
  const { REDIS_PREFIX: prefix, LEDGER_SHARDS: shardCount } = config.settings;
  const common = { connection, prefix, binding, ledgerKey, ids: randomUUID, shardCount };
  await beginRebuild(common);
  const ledger = await openRedisLedger({
    ...common,
    keys: createKeyDerivation(binding.project),
    mayCreate: false,
    marksSeen: [],
    hasResults: true,
    allow: { unsafe: allowUnsafeRedis },
    onWarning: warn,
    onBroken: (cause) => stopping.stop(cause.message),
    rebuilding: true,
  });
  const marks = new Map<string, string>();
  const index = createRebuildIndex();
  let skipped = 0;
  const sources = await openSources(session, { marks, onSkipped: () => (skipped += 1) });
  const settings = transitionSettings(config, ledgerKey);
  const found = await rebuildFrom({ ledger, index, settings, fingerprints: createFingerprints(ledgerKey), clock, ...sources }).finally(() =>
    index.close(),
  );
  await holdGates(ledger, { asked: gatesOf(config), logger: { warn: (_, text) => warn(text), info: () => undefined }, now: clock.now });
  await pauseRebuilt(ledger, { code: 'moved', by: 'disburse rebuild', reason: null, at: clock.now() });
  await finishRebuild({ ...common, marksSeen: [...marks.values()] });
  await ledger.close();
  return { ...found, skipped: found.skipped + skipped };
}

type Sources = Pick<RebuildDeps, 'read' | 'isWithinLimits' | 'backlog' | 'results' | 'instructions' | 'deadLetters' | 'onProgress'>;

async function openSources(
  { config, createKafka, ledgerKey, warn, stopping: { signal } }: RebuildSession,
  { marks, onSkipped }: { readonly marks: Map<string, string>; readonly onSkipped: () => void },
): Promise<Sources> {
  const { settings } = config;
  const topics = topicNames(settings.KAFKA_TOPIC_PREFIX);
  const { open } = createTopicSeal(ledgerKey);
  const from = 'beginning';
  const read = (topic: string) => readTopic({ createKafka, topic, from, until: 'end', signal, groupPrefix: 'disburse-rebuild' });
  const results = () =>
    resultsFromTopic(config, {
      from,
      follow: false,
      signal,
      onWarning: warn,
      onSkipped(message) {
        onSkipped();
        warn(message);
      },
    });
  return {
    read: (message) => readMessage(message, { now: message.timestamp, open }),
    isWithinLimits(message) {
      const { MAX_AMOUNT: maxAmount } = settings;
      const found = readMessage(message, { now: message.timestamp, open, ...(maxAmount === undefined ? {} : { maxAmount }) });
      return found.type === 'instruction' && found.reading.ok;
    },
    backlog: {
      topic: topics.instructions,
      committed: await committedOffsets(createKafka, settings.KAFKA_GROUP, topics.instructions),
      window: maxInFlight,
    },
    results: () => noting(marks, results()),
    instructions: () => read(topics.instructions),
    deadLetters: () => places(read(topics.deadLetters)),
    onProgress: (sofar) =>
      void process.stderr.write(`${grouped(sofar.results)} results, ${grouped(sofar.instructions)} instructions read\n`),
  };
}

/** Remembers one mark of each generation of the ledger that the results were published from. */
async function* noting(marks: Map<string, string>, results: AsyncIterable<ResultEvent>) {
  for await (const event of results) {
    const { ledger_mark: mark } = event;
    if (mark !== undefined && /^[^.]+\.\d+\.\d+$/.test(mark)) marks.set(mark.slice(0, mark.indexOf('.')), mark);
    yield event;
  }
}

async function* places(letters: AsyncIterable<{ readonly headers: Readonly<Record<string, Buffer>> }>) {
  for await (const { headers } of letters) {
    const [topic, partition, offset] = ['source_topic', 'source_partition', 'source_offset'].map(
      (name) => headers[name]?.toString('utf8') ?? '',
    );
    yield { stream: `topic:${topic}:${partition}`, position: Number(offset) };
  }
}
