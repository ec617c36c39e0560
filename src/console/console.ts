/** A console with all that it works with: from a configuration and what pays to a server. */
import type { OperationAnswer, OperationRequest } from '../../batches/operations/request.ts';
import { systemClock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import type { Layer } from '../config/settings-list.ts';
import { kafkaOf } from '../kafka/client.ts';
import { readDeadLetters } from '../kafka/dead-letters.ts';
import { topicNames } from '../kafka/topic-plan.ts';
import { loadLedgerKey } from '../ledger/ledger-key.ts';
import type { Logger } from '../logger.ts';
import { readEvents } from '../profiles/open-profile.ts';
import { runChecks, type Check } from '../service/http/routes.ts';
import { openJournal } from './actions/journal.ts';
import { watchCluster } from './cluster.ts';
import { createLive } from './live.ts';
import { watchPace } from './pace.ts';
import { addPages } from './pages.ts';
import { keepReader, type ConsoleDeps } from './reading.ts';
import { createPayer, type PayerParams } from './uploads/payer.ts';
import { createReviews } from './uploads/review.ts';
import { openUploads } from './uploads/store.ts';
import { removeUnfinished } from './uploads/unfinished.ts';
import { startConsole, type ConsoleServer } from './server.ts';

export interface OpenConsoleParams extends Pick<ConsoleDeps, 'pays'> {
  readonly config: Config;
  readonly layers: readonly Layer[];
  readonly logger: Logger;
  readonly port: number;
  /** Pays files that are handed over here; absent where another process pays, or none. */
  readonly payment?: { readonly profile: PayerParams['profile']; readonly signal: AbortSignal };
  readonly ask: (request: OperationRequest) => Promise<OperationAnswer>;
  /** Of the process that pays, where that is this one. */
  readonly checks?: Readonly<Record<string, Check>>;
}

const checkMs = 2_000;

/** @throws {CommandError} exit 1 when it may not or cannot listen there */
export async function openConsole({
  config,
  layers,
  logger,
  port,
  ask,
  pays,
  payment,
  checks = {},
}: OpenConsoleParams): Promise<ConsoleServer> {
  const reader = keepReader(config, (message) => logger.warn(message));
  const pace = watchPace(reader, systemClock);
  const live = createLive({ clock: systemClock, look: () => reader.read(({ ledger }) => lookAt(ledger)) });
  const now = (): number => systemClock.now();
  const store = openUploads(config.dataDir, () => loadLedgerKey({ dir: config.dataDir, file: config.settings.LEDGER_KEY_FILE }));
  const reviews = createReviews(config, store);
  if (payment !== undefined) await removeUnfinished({ dataDir: config.dataDir, now: now(), logger });
  const ended = new AbortController();
  const signal = payment === undefined ? ended.signal : AbortSignal.any([payment.signal, ended.signal]);
  const payer = payment === undefined ? undefined : createPayer({ config, profile: payment.profile, store, reviews, logger, signal });
  const deps = {
    config,
    logger,
    journal: openJournal(config.dataDir),
    store,
    reviews,
    payer,
    layers,
    reader,
    now,
    ask,
    pays,
    live,
    paidPerMinute: pace.bars,
    letters: lettersOf(config, logger),
    cluster: watchCluster(config, logger),
    results: resultsOf(config, logger),
    checks: () => runChecks(checks, checkMs),
  };
  const close = async (): Promise<void> => {
    live.close();
    pace.close();
    ended.abort(new Error('the console has ended'));
    await payer?.stop();
    await reader.close();
  };
  try {
    const server = await startConsole({ config, logger, now, port, addPages: (app, notes) => addPages(app, notes, deps) });
    return {
      ...server,
      async close() {
        // Streams first: they would hold up the end of the server.
        live.close();
        await server.close().finally(close);
      },
    };
  } catch (cause) {
    await close();
    throw cause;
  }
}

type Ledger = Parameters<Parameters<ConsoleDeps['reader']['read']>[0]>[0]['ledger'];

/** What changes whenever a page would. */
async function lookAt(ledger: Ledger): Promise<unknown> {
  const [tallies, pauses, alerted, newest] = await Promise.all([
    ledger.tallies(),
    ledger.pauses(),
    ledger.alerted({ limit: 100 }),
    ledger.batches({ newest: 50 }),
  ]);
  return [tallies, pauses, alerted.map(({ cursor }) => cursor), newest.map(({ batchId, state, sent }) => [batchId, state, sent])];
}

const resultsOf = (config: Config, logger: Logger) => (since: number) =>
  readEvents(config, {
    follow: false,
    from: since,
    signal: new AbortController().signal,
    onWarning: (message) => logger.warn(message),
    onSkipped: (message) => logger.warn(message),
    withRotated: true,
  });

function lettersOf(config: Config, logger: Logger) {
  if (config.servers === null) return null;
  const createKafka = kafkaOf(config, (level, message) => logger[level](message));
  const { deadLetters } = topicNames(config.settings.KAFKA_TOPIC_PREFIX);
  return () => readDeadLetters(createKafka, deadLetters);
}
