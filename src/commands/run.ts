import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Batch, Clock, Ledger, Policy } from '../../batches/ports.ts';
import { needsALook, summarise, type Summary } from '../../batches/summary.ts';
import { readResults } from '../../producers/results-reader.ts';
import { openAlone, openAloneLedger, resultsPath } from '../alone.ts';
import { systemClock } from '../clock.ts';
import { keyLifetimeMs, type Config } from '../config.ts';
import { createDisplay } from '../display.ts';
import { CommandError, exitCodes, type ExitCode } from '../exit.ts';
import { checkPlaceFor } from '../place-check.ts';
import { createLogger, type Logger } from '../logger.ts';
import { payFile } from '../pay-file.ts';
import type { PayDeps } from '../pay-instruction.ts';
import { readAgain, writeFixFile, type Inspection } from '../payout-file.ts';
import { loadSigner } from '../private-key.ts';
import { writeBatchResults } from '../batch-results.ts';
import { createStopping, type Stopping } from '../stopping.ts';
import { summaryText } from '../summary-text.ts';
import { counted, paintFor, printable } from '../terminal.ts';
import { brokenReport } from '../inspection-report.ts';
import { brokenText, inspectFile, type FileOptions } from './validate.ts';

export interface RunOptions extends FileOptions {
  readonly policy?: Policy;
  /** Milliseconds; false for `--no-wait`. Commander answers true where neither was given. */
  readonly wait?: number | boolean;
  readonly detach?: boolean;
  readonly results?: string;
  readonly newLedger?: boolean;
}

const defaultWaitMs = 900_000;
const showEveryMs = 200;
/** Instructions between admission and outcome: enough for intents to share a disk sync, little to hold in memory. */
const windowFor = (concurrency: number): number => Math.max(256, concurrency * 3);

/** Pays a file, from checking it to the summary. Run again on the same bytes, it goes on where it stopped. */
export async function run(config: Config, path: string, options: RunOptions): Promise<ExitCode> {
  if (options.detach === true) {
    throw new CommandError(
      exitCodes.usage,
      '--detach hands the file to other instances, which needs the distributed profile: leave it out.',
    );
  }
  if (options.results !== undefined) await checkPlaceFor('--results', options.results);
  const { settings } = config;
  const log: Log = { print: (text) => void process.stderr.write(text) };
  const logger = createLogger(settings.LOG_LEVEL, { write: (line) => log.print(line) });
  const signer = await loadSigner(settings.GATEWAY_PRIVATE_KEY_FILE ?? '', (message) => logger.warn(message));
  const stopping = createStopping(
    (signal) => log.print(`${signal}: what is in flight is finished, nothing new is begun. Once more ends at once.\n`),
    () => process.exit(exitCodes.stopped),
  );
  try {
    const outcome = await inspectFile(config, path, options, stopping.signal);
    if (!outcome.ok) {
      if (options.json === true) process.stdout.write(`${JSON.stringify(brokenReport(outcome.broken))}\n`);
      process.stderr.write(`${brokenText(outcome.broken, paintFor(process.stderr, process.env))}\n`);
      return exitCodes.usage;
    }
    const { inspection } = outcome;
    if (!inspection.rereadable) {
      throw new CommandError(
        exitCodes.usage,
        `${path} is a pipe and can be read only once, but a file is checked whole before it is paid. Save it to a file first.`,
      );
    }
    const open = await openAloneLedger(config, options.newLedger === true);
    const { ledger } = open;
    try {
      return await payWith({ ...open, config, options, inspection, signer, stopping, logger, log });
    } finally {
      await ledger.close();
    }
  } catch (cause) {
    if (stopping.signal.aborted && !(cause instanceof CommandError)) {
      throw new CommandError(exitCodes.stopped, `stopped before anything was sent: ${stopping.why()}`, { cause });
    }
    throw cause;
  } finally {
    stopping.release();
  }
}

/** Where lines of the log go: while the display moves, above it. */
interface Log {
  print: (text: string) => void;
}

interface Paying {
  readonly config: Config;
  readonly options: RunOptions;
  readonly inspection: Inspection;
  readonly ledger: Ledger;
  readonly ledgerKey: Buffer;
  readonly signer: Awaited<ReturnType<typeof loadSigner>>;
  readonly stopping: Stopping;
  readonly logger: Logger;
  readonly log: Log;
  readonly clock: Clock;
}

async function payWith(paying: Paying): Promise<ExitCode> {
  const { config, options, inspection, ledger, stopping, logger } = paying;
  const { file, sha256: batchId, preflight } = inspection;
  const batch = await openBatch(paying);
  const fixPath = join(config.dataDir, `${batchId}.errors.csv`);
  // Bad rows are those that were refused when the batch began: a limit lowered since, or a card that has expired,
  // must not make a row that was paid look like one to mend.
  if (batch.sent === 0 && !existsSync(fixPath)) await writeFixFile(inspection, fixPath);
  const hasFixFile = existsSync(fixPath);
  if (keyLifetimeMs(config.settings) === null) {
    logger.warn('GATEWAY_KEY_LIFETIME is not set: a send without a trustworthy answer is never repeated; evidence or a person ends it');
  }

  const app = await openAlone(paying);
  const display = startDisplay(paying, app.deps);
  let failure: unknown;
  try {
    await payFile(app.deps, {
      batch,
      rows: () => readAgain(inspection),
      hasBadRows: preflight.errorsTotal > 0,
      window: windowFor(config.settings.DISPATCH_CONCURRENCY),
      waitMs: typeof options.wait === 'number' ? options.wait : defaultWaitMs,
      follow: options.wait !== false,
    });
  } catch (cause) {
    failure = cause;
    stopping.stop(cause instanceof Error ? cause.message : String(cause));
  }
  try {
    await app.close();
  } catch (cause) {
    failure ??= cause;
    stopping.stop(cause instanceof Error ? cause.message : String(cause));
  }
  // A signal that comes from here on changes nothing any more.
  const why = stopping.why();
  await display.end();
  if (failure !== undefined) {
    logUnforeseen(logger, failure);
    await markStopped(paying);
  }

  const summary = await summaryOf(ledger, batchId);
  if (options.json === true) process.stdout.write(`${JSON.stringify(summary)}\n`);
  else process.stdout.write(`${summaryText(summary, paintFor(process.stdout, process.env))}\n`);
  if (hasFixFile) process.stderr.write(`The bad rows of ${printable(file)}, with what to do, are in ${fixPath}\n`);
  await tellOpenOnes(paying, summary);
  // After the summary, so that a failure here hides nothing of what became of the file.
  if (options.results !== undefined) await writeBatchResults(readResults(resultsPath(config.dataDir)), batchId, options.results);

  if (why !== null) {
    process.stderr.write(`disburse: stopped: ${printable(why)}\nNothing is lost. Run the same command again to go on where it stopped.\n`);
    return exitCodes.stopped;
  }
  return needsALook(summary, await ledger.duplicatesOfUnpaid({ batchId, butInProgress: options.wait === false }), options.wait !== false)
    ? exitCodes.needsALook
    : exitCodes.ok;
}

/** What nobody foresaw is told with its stack, so that it can be mended; a foreseen end is told in one sentence. */
function logUnforeseen(logger: Logger, failure: unknown): void {
  const foreseen = failure instanceof CommandError || (failure instanceof Error && 'code' in failure);
  if (!foreseen) logger.error({ err: failure }, 'unforeseen, please report it');
}

/** @throws {CommandError} exit 1 when the batch was pinned with another reading of the same bytes */
async function openBatch({ options, inspection, ledger, clock }: Paying): Promise<Batch> {
  const { file, sha256: batchId, encoding, delimiter, bytes, blockDigests } = inspection;
  const batch = await ledger.openBatch({
    batchId,
    file,
    policy: options.policy ?? null,
    encoding,
    delimiter,
    bytes,
    blockDigests,
    at: clock.now(),
  });
  const pinned = { encoding: batch.encoding, delimiter: batch.delimiter, policy: batch.policy };
  const asked = { encoding, delimiter, policy: options.policy ?? batch.policy };
  for (const name of ['encoding', 'delimiter', 'policy'] as const) {
    if (pinned[name] === asked[name]) continue;
    throw new CommandError(
      exitCodes.usage,
      `this file was begun with ${name} ${JSON.stringify(pinned[name])}, and ${JSON.stringify(asked[name])} is asked for now. What was begun cannot be read otherwise: run it with --${name} ${JSON.stringify(pinned[name])}.`,
    );
  }
  await ledger.updateBatch({ batchId, state: 'running', at: clock.now() });
  return batch;
}

const summaryOf = async (ledger: Ledger, batchId: string): Promise<Summary> => {
  const batch = await ledger.batch(batchId);
  if (batch === undefined) throw new Error(`batch ${batchId} has vanished from the ledger`);
  return summarise(batch, await ledger.tallies(batchId));
};

/** The ledger itself may be what failed: then the batch stays `running` on disk, and the next run goes on all the same. */
async function markStopped({ ledger, inspection, logger, clock }: Paying): Promise<void> {
  try {
    await ledger.updateBatch({ batchId: inspection.sha256, state: 'stopped', at: clock.now() });
  } catch (cause) {
    // What failed is told at the end in one sentence; this would only be the same once more.
    logger.debug({ err: cause }, 'the batch could not be marked as stopped');
  }
}

/** Records that are not at their end, each with its reason, the first few by name. */
async function tellOpenOnes({ ledger, inspection }: Paying, summary: Summary): Promise<void> {
  const tell = async (status: 'unknown' | 'in_progress', sentence: (count: string) => string): Promise<void> => {
    const count = summary.statuses[status]?.count ?? 0;
    if (count === 0) return;
    const shown = await ledger.list({ batchId: inspection.sha256, status, limit: 10 });
    const lines = shown.map(
      ({ record }) =>
        `  line ${record.occurrence.position}, ${record.recordId}: ${printable(record.reason?.description ?? 'the gateway has not finished it')} [${printable(record.reason?.code ?? status)}]`,
    );
    const more = count > shown.length ? `\n  … and ${count - shown.length} more; disburse tail --status ${status} tells all` : '';
    process.stderr.write(`${sentence(counted(count, 'record is', 'records are'))}\n${lines.join('\n')}${more}\n`);
  };
  await tell(
    'unknown',
    (count) => `${count} unknown: perhaps paid, and not to be paid again by hand before somebody has looked at the gateway.`,
  );
  await tell('in_progress', (count) => `${count} in progress at the gateway. Run the same command again later to follow on.`);
}

function startDisplay({ inspection, ledger, stopping, log }: Paying, deps: PayDeps): { end: () => Promise<void> } {
  const display = createDisplay(process.stderr, process.env);
  const direct = log.print;
  log.print = display.print;
  let drawing = false;
  const draw = async (): Promise<void> => {
    if (drawing) return;
    drawing = true;
    try {
      const [tallies, batch] = await Promise.all([ledger.tallies(inspection.sha256), ledger.batch(inspection.sha256)]);
      const why = stopping.why();
      const closed = deps.closedSince() !== null ? 'the gateway cannot be reached: waiting for it' : null;
      const note = why === null ? closed : `stopping: ${printable(why)}`;
      display.show({
        file: inspection.file,
        rows: inspection.preflight.rows,
        tallies,
        sent: batch?.sent ?? 0,
        note,
        at: systemClock.now(),
      });
    } finally {
      drawing = false;
    }
  };
  // A display that fails must not end a run; what really failed comes out of the run itself.
  const quietly = (): void => void draw().catch(() => undefined);
  const timer = setInterval(quietly, showEveryMs);
  return {
    async end() {
      clearInterval(timer);
      quietly();
      while (drawing) await systemClock.sleep(1);
      display.close();
      log.print = direct;
    },
  };
}
