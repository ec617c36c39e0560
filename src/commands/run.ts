import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Ledger } from '../../batches/ports/ledger.ts';
import type { Policy } from '../../batches/record/batch.ts';
import { needsAttention, summarise, type Summary } from '../../batches/record/summary.ts';
import { systemClock } from '../clock.ts';
import { keyLifetimeMs, type Config } from '../config/config.ts';
import { createProgressDisplay } from '../terminal/progress.ts';
import { CommandError, exitCodes, type ExitCode } from '../exit.ts';
import { assertWritable } from '../files/output-path.ts';
import { makeDataDir } from '../ledger/sqlite/files.ts';
import { createLogger, type Logger } from '../logger.ts';
import { openFileBatch } from '../files/open-batch.ts';
import { openStandaloneSubmitter, type FileSubmitter, type PayingParams } from '../profiles/submit-standalone.ts';
import { writeFixFile, type Inspection } from '../files/payout-file.ts';
import { loadSigner } from '../config/private-key.ts';
import { writeBatchResults } from '../files/batch-results.ts';
import { createShutdown, type Shutdown } from '../service/shutdown.ts';
import { reasonToTell } from '../../batches/record/step.ts';
import { transitionSettings } from '../profiles/transition-settings.ts';
import { summaryText } from '../terminal/summary-text.ts';
import { counted, paintFor, printable } from '../terminal/format.ts';
import { brokenReport } from '../files/validation-report.ts';
import { inspectFile, type ReadingFlags } from '../files/inspect-file.ts';
import { brokenText } from '../files/validation-text.ts';

export interface RunOptions extends ReadingFlags {
  readonly json?: boolean;
  readonly policy?: Policy;
  /** Milliseconds; false for `--no-wait`. Commander answers true where neither was given. */
  readonly wait?: number | boolean;
  readonly detach?: boolean;
  readonly results?: string;
  readonly newLedger?: boolean;
  readonly allowUnsafeRedis?: boolean;
}

const defaultWaitMs = 900_000;
const showEveryMs = 200;
/** Pays a file, from checking it to the summary. Run again on the same bytes, it goes on where it stopped. */
export async function run(config: Config, path: string, options: RunOptions): Promise<ExitCode> {
  if (options.detach === true && config.servers === null) {
    throw new CommandError(
      exitCodes.usage,
      '--detach hands the file to other instances, which needs the distributed profile: leave it out.',
    );
  }
  if (options.results !== undefined) await assertWritable('--results', options.results);
  const { settings } = config;
  const log: Log = { print: (text) => void process.stderr.write(text) };
  const logger = createLogger(settings.LOG_LEVEL, { write: (line) => log.print(process.stderr.isTTY === true ? forPeople(line) : line) });
  // Whoever hands a file over signs nothing.
  const signer =
    config.servers === null ? await loadSigner(settings.GATEWAY_PRIVATE_KEY_FILE ?? '', (message) => logger.warn(message)) : null;
  const stopping = createShutdown(
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
    const params = { config, stopping, logger, newLedger: options.newLedger === true };
    const paying = signer === null ? await openHandingOver(params, options) : await openStandaloneSubmitter({ ...params, signer });
    try {
      const code = await payWith({ ...params, paying, options, inspection, log });
      await paying.runMaintenance();
      return code;
    } finally {
      await paying.close();
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

/** A line of the log as somebody at a terminal reads it. */
function forPeople(line: string): string {
  try {
    const { level, msg } = JSON.parse(line) as { readonly level?: string; readonly msg?: string };
    return typeof msg === 'string' ? `disburse: ${level === 'info' ? '' : `${level}: `}${printable(msg)}\n` : line;
  } catch {
    return line;
  }
}

/** Where lines of the log go: while the display moves, above it. */
interface Log {
  print: (text: string) => void;
}

interface Run {
  readonly config: Config;
  readonly paying: FileSubmitter;
  readonly options: RunOptions;
  readonly inspection: Inspection;
  readonly stopping: Shutdown;
  readonly logger: Logger;
  readonly log: Log;
}

async function openHandingOver(params: PayingParams, { allowUnsafeRedis, detach }: RunOptions): Promise<FileSubmitter> {
  const { openDistributedSubmitter: openDistributedPaying } = await import('../profiles/submit-distributed.ts');
  return openDistributedPaying({ ...params, allowUnsafeRedis: allowUnsafeRedis === true, detach: detach === true });
}

async function payWith(run: Run): Promise<ExitCode> {
  const { config, paying, options, inspection, stopping, logger } = run;
  const { ledger, clock } = paying;
  const { file, sha256: batchId } = inspection;
  const batch = await openFileBatch({ ledger, inspection, policy: options.policy ?? null, clock });
  makeDataDir(config.dataDir);
  const fixPath = join(config.dataDir, `${batchId}.errors.csv`);
  // Bad rows are those that were refused when the batch began: a limit lowered since, or a card that has expired,
  // must not make a row that was paid look like one to mend.
  if (batch.sent === 0 && !existsSync(fixPath)) await writeFixFile(inspection, fixPath);
  const hasFixFile = existsSync(fixPath);
  if (keyLifetimeMs(config.settings) === null) {
    logger.warn('GATEWAY_KEY_LIFETIME is not set: a send without a trustworthy answer is never repeated; evidence or a person ends it');
  }

  const follow = options.wait !== false;
  const display = startDisplay(run);
  let failure: unknown;
  try {
    await paying.pay({ batch, inspection, waitMs: typeof options.wait === 'number' ? options.wait : defaultWaitMs, follow });
  } catch (cause) {
    failure = cause;
    stopping.stop(cause instanceof Error ? cause.message : String(cause));
  }
  try {
    await paying.finish();
  } catch (cause) {
    failure ??= cause;
    stopping.stop(cause instanceof Error ? cause.message : String(cause));
  }
  // A signal that comes from here on changes nothing any more.
  const why = stopping.why();
  await display.end();
  if (failure !== undefined) {
    logUnforeseen(logger, failure);
    await markStopped(run);
  }
  if (options.detach === true && why === null) {
    process.stdout.write(options.json === true ? `${JSON.stringify({ batch_id: batchId })}\n` : `${batchId}\n`);
    if (hasFixFile) process.stderr.write(`The bad rows of ${printable(file)}, with what to do, are in ${fixPath}\n`);
    process.stderr.write(`${printable(file)} is handed over. disburse status ${batchId.slice(0, 12)} tells how far it is.\n`);
    return exitCodes.ok;
  }

  const summary = await summaryOf(ledger, batchId);
  if (options.json === true) process.stdout.write(`${JSON.stringify(summary)}\n`);
  else process.stdout.write(`${summaryText(summary, paintFor(process.stdout, process.env))}\n`);
  if (hasFixFile) process.stderr.write(`The bad rows of ${printable(file)}, with what to do, are in ${fixPath}\n`);
  await tellOpenOnes(run, summary);
  // After the summary, so that a failure here hides nothing of what became of the file.
  if (options.results !== undefined) await writeBatchResults({ ledger, clock, batchId, path: options.results, results: paying.results });

  if (why !== null) {
    process.stderr.write(`disburse: stopped: ${printable(why)}\nNothing is lost. Run the same command again to go on where it stopped.\n`);
    return exitCodes.stopped;
  }
  return needsAttention(summary, await ledger.countUnsettledDuplicates({ batchId, exceptInProgress: !follow }), follow)
    ? exitCodes.needsALook
    : exitCodes.ok;
}

/** What nobody foresaw is told with its stack, so that it can be mended; a foreseen end is told in one sentence. */
function logUnforeseen(logger: Logger, failure: unknown): void {
  const foreseen = failure instanceof CommandError || (failure instanceof Error && 'code' in failure);
  if (!foreseen) logger.error({ err: failure }, 'unexpected error, please report it');
}

const summaryOf = async (ledger: Ledger, batchId: string): Promise<Summary> => {
  const batch = await ledger.batch(batchId);
  if (batch === undefined) throw new Error(`batch ${batchId} has vanished from the ledger`);
  return summarise(batch, await ledger.tallies(batchId));
};

/** The ledger itself may be what failed: then the batch stays `running` on disk, and the next run goes on all the same. */
async function markStopped({ paying, inspection, logger }: Run): Promise<void> {
  try {
    await paying.ledger.updateBatch({ batchId: inspection.sha256, state: 'stopped', at: paying.clock.now() });
  } catch (cause) {
    // What failed is told at the end in one sentence; this would only be the same once more.
    logger.debug({ err: cause }, 'the batch could not be marked as stopped');
  }
}

/** Records that are not at their end, each with its reason, the first few by name. */
async function tellOpenOnes({ config, paying: { ledger, clock }, inspection }: Run, summary: Summary): Promise<void> {
  const rules = transitionSettings(config);
  const tell = async (status: 'unknown' | 'in_progress', sentence: (count: string) => string): Promise<void> => {
    const count = summary.statuses[status]?.count ?? 0;
    if (count === 0) return;
    const shown = await ledger.list({ batchId: inspection.sha256, status, limit: 10 });
    const lines = shown.map(({ record }) => {
      const reason = reasonToTell(rules, record, clock.now()) ?? { code: status, description: 'the gateway has not finished it' };
      return `  line ${record.occurrence.position}, ${record.recordId}: ${printable(reason.description)} [${printable(reason.code)}]`;
    });
    const more = count > shown.length ? `\n  … and ${count - shown.length} more; disburse tail --status ${status} tells all` : '';
    process.stderr.write(`${sentence(counted(count, 'record is', 'records are'))}\n${lines.join('\n')}${more}\n`);
  };
  await tell(
    'unknown',
    (count) => `${count} unknown: perhaps paid, and not to be paid again by hand before somebody has looked at the gateway.`,
  );
  await tell('in_progress', (count) => `${count} in progress at the gateway. Run the same command again later to follow on.`);
}

function startDisplay({ inspection, paying, stopping, log }: Run): { end: () => Promise<void> } {
  const display = createProgressDisplay(process.stderr, process.env);
  const direct = log.print;
  log.print = display.print;
  let drawing = false;
  const draw = async (): Promise<void> => {
    if (drawing) return;
    drawing = true;
    try {
      const { ledger } = paying;
      const [tallies, batch] = await Promise.all([ledger.tallies(inspection.sha256), ledger.batch(inspection.sha256)]);
      const why = stopping.why();
      const note = why === null ? paying.note() : `stopping: ${printable(why)}`;
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
