/** `serve` in the distributed profile: one of any number of instances that share the instructions topic and the ledger. */
import { writeBatchResults } from '../files/batch-results.ts';
import { consume, type Consumption } from '../../consumers/kafka/group/consume.ts';
import { createDeadLetters, type DeadLetter, type DeadLetters } from '../../producers/dead-letters.ts';
import { PublishError } from '../../producers/kafka/publish-error.ts';
import { monotonicClock, systemClock } from '../clock.ts';
import { openLetterSeal } from '../kafka/dead-letter-seal.ts';
import { connect, openInstance } from './distributed.ts';
import { createDueWorker } from '../../batches/pipeline/due-worker.ts';
import { enqueueFile } from '../../batches/pipeline/enqueue-file.ts';
import { createMessageProcessor } from '../../batches/pipeline/process-message.ts';
import { isFullyCommitted } from '../kafka/consumer-group.ts';
import { createTopicSeal } from '../ledger/seal.ts';
import { breakerPosition, createMetrics } from '../service/metrics.ts';
import { openFileBatch } from '../files/open-batch.ts';
import { readAgain } from '../files/payout-file.ts';
import { loadSigner } from '../config/private-key.ts';
import { resultsFromTopic } from '../kafka/results-reader.ts';
import { checkInbox, gatewayCheck, startService, type ServeParams } from '../service/service.ts';
import { waitUntilSettled } from '../../batches/pipeline/batch-settlement.ts';
import { createRecoverySweeper } from '../../batches/pipeline/recovery-sweeper.ts';
import { createRetention } from '../../batches/pipeline/retention.ts';
import { messageOf } from '../../batches/pipeline/notice.ts';
import { startWorkers } from '../../batches/pipeline/worker.ts';
import { version } from '../version.ts';

const defaultWaitMs = 900_000;
const filesAtOnce = 16;
/**
 * Messages in hand: enough to go on sending while the group deals its partitions anew, which takes ten seconds and more
 * when a member died.
 */
const window = 1_024;
/**
 * What is under way when partitions are dealt anew is waited for so long. Short, because the whole group waits with us:
 * what takes longer goes on meanwhile, and whoever reads it again waits for its outcome.
 */
const drainMs = 2_000;
/**
 * Who takes a due record has so long for its step, before another instance may. Two that take the same one look at it
 * twice; only one of them can make an intent.
 */
const claimMs = 20_000;
/** A purge looks through every batch, and every instance does it. */
const betweenPurgesMs = 60_000;

export async function serveDistributed(params: ServeParams): Promise<void> {
  const { config, options, logger, stopping } = params;
  const { settings } = config;
  const waitMs = options.wait ?? defaultWaitMs;
  await checkInbox(config);
  const signer = await loadSigner(settings.GATEWAY_PRIVATE_KEY_FILE ?? '', (message) => logger.warn(message));
  const connected = await connect({
    config,
    logger,
    stopping,
    newLedger: options.newLedger === true,
    allowUnsafeRedis: options.allowUnsafeRedis === true,
  });
  const { ledger, ledgerKey, clock, createKafka, topics, topicPublisher } = connected;
  try {
    const metrics = createMetrics({ version, clock: systemClock });
    const app = openInstance({ ...connected, config, signer, stopping, logger, metrics });
    const pay = { ...app.deps, ledger };
    const seal = createTopicSeal(ledgerKey);
    const letterSeal = openLetterSeal(ledgerKey);
    const letters = createDeadLetters({
      publisher: topicPublisher,
      topic: topics.deadLetters,
      seal: letterSeal.close,
      clock: systemClock,
    });
    const work = createMessageProcessor({
      ...pay,
      maxAmount: settings.MAX_AMOUNT,
      open: seal.open,
      sendToDeadLetter: (letter) => {
        const { record, reason } = letter;
        const { topic, partition, offset } = record;
        logger.warn({ reason, topic, partition, offset: String(offset) }, 'a message goes to the dead letters');
        // A batch that cannot be unpacked may hold card numbers that nobody can find: all of it is sealed.
        const value =
          record.poison === undefined || record.value === null ? record.value : Buffer.from(`sealed:v1:${letterSeal.close(record.value)}`);
        return putAside(letters, { ...letter, record: { ...record, value } }, stopping.signal);
      },
      onOutcome: (waitedMs) => metrics.eventToResult(waitedMs),
    });
    let inFlight = 0;
    let consumer: Consumption | undefined;
    metrics.feed({
      ledger: () => ledger.overview(),
      consumerLag: () => consumer?.lag() ?? new Map<number, number>(),
      consumerFetchAgeMs: () => monotonicClock.now() - (consumer?.lastFetchAt() ?? monotonicClock.now()),
      dispatchRateLimit: () => pay.limiter.rate(),
      dispatchRateConfigured: () => settings.DISPATCH_RATE,
      breaker: () => breakerPosition(app.breaker),
      inFlight: () => inFlight,
    });
    try {
      await startService({
        ...params,
        metrics,
        begin() {
          const reading = consume({
            createKafka,
            groupId: settings.KAFKA_GROUP,
            topic: topics.instructions,
            handle: async (record) => {
              inFlight += 1;
              try {
                await work(record);
              } finally {
                inFlight -= 1;
              }
            },
            window,
            clock: monotonicClock,
            onWarning: (message) => logger.warn(message),
            drainMs,
          });
          reading.running.catch((cause: unknown) => stopping.stop(cause instanceof Error ? cause.message : String(cause)));
          // At once, so that what gives up waiting is known to be unfinished rather than failed. How it ends was told above.
          const leaveGroup = (): Promise<void> => reading.stop().catch(() => undefined);
          stopping.signal.addEventListener('abort', () => void leaveGroup(), { once: true });
          const workers = startWorkers(
            [
              createDueWorker(pay, { due: (limit) => ledger.claimDue({ limit, leaseMs: claimMs }), claims: true, waitMs: null }),
              createRecoverySweeper({ ledger, clock, publisher: pay.publisher, signal: stopping.signal }),
              createRetention({ ledger, retentionMs: settings.LEDGER_RETENTION, groupSize: 512, betweenGroupsMs: betweenPurgesMs }),
            ],
            { clock, signal: stopping.signal, onFailure: (cause) => stopping.stop(messageOf(cause)) },
          );
          consumer = reading;
          return async () => {
            await leaveGroup();
            await workers.stop();
          };
        },
        checks: {
          ledger: async () => ledger.overview().then(() => ({ ok: true })),
          kafka: () => (consumer?.isMember() === true ? { ok: true } : { ok: false, detail: 'not in the consumer group' }),
          gateway: () => gatewayCheck(app),
        },
        inbox: {
          clock,
          filesAtOnce,
          writeResults: (batchId, path) =>
            writeBatchResults({
              ledger,
              clock,
              batchId,
              path,
              results: (since) =>
                resultsFromTopic(config, {
                  from: since,
                  follow: false,
                  signal: stopping.signal,
                  onWarning: (message) => logger.warn(message),
                }),
            }),
          async pay(inspection, signal) {
            const { sha256: batchId, preflight } = inspection;
            const batch = await openFileBatch({ ledger, inspection, policy: null, clock });
            const complete = await enqueueFile(
              {
                ...pay,
                seal: seal.close,
                signal,
                isTopicDone: () => isFullyCommitted(createKafka, settings.KAFKA_GROUP, topics.instructions),
                publish: async ({ key, value, headers }) => {
                  const partition = await topicPublisher.partitionFor(topics.instructions, key);
                  await topicPublisher.publish({ topic: topics.instructions, partition, key, value, headers });
                },
              },
              { batch, rows: () => readAgain(inspection), hasBadRows: preflight.errorsTotal > 0, rowsTotal: preflight.rows },
            );
            if (!complete) return 'stopped';
            const rows = preflight.rows;
            const end = await waitUntilSettled({ ledger, clock, batchId, rows, waitMs, idleTimeoutMs: null, signal, follow: true });
            if (end === 'stopped') return 'stopped';
            await ledger.updateBatch({ batchId, state: 'finished', at: clock.now() });
            return 'rested';
          },
        },
      });
    } finally {
      await app.close();
    }
  } finally {
    await connected.close();
  }
}

const putAgainMs = 1_000;

/** As long as Kafka does not take it: the message stays where it is, and its partition waits. */
async function putAside(letters: DeadLetters, letter: DeadLetter, signal: AbortSignal): Promise<void> {
  for (;;) {
    try {
      await letters.put(letter);
      return;
    } catch (cause) {
      if (!(cause instanceof PublishError && cause.retriable) || signal.aborted) throw cause;
    }
    await systemClock.sleep(putAgainMs, signal);
  }
}
