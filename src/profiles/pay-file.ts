/** Pays one inspected file through a profile and reports what became of it: the body of `run`. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { writeBatchState } from '../../batches/pipeline/batch-state.ts';
import { messageOf } from '../../batches/pipeline/notice.ts';
import { startWorkers } from '../../batches/pipeline/worker.ts';
import type { Batch, Policy } from '../../batches/record/batch.ts';
import { needsAttention } from '../../batches/record/summary.ts';
import { systemClock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import { CommandError, exitCodes, type ExitCode } from '../exit.ts';
import { writeBatchResults } from '../files/batch-results.ts';
import { openFileBatch } from '../files/open-batch.ts';
import { openRejected } from './rejected-rows.ts';
import { writeFixFileShown } from '../files/inspect-file.ts';
import type { Inspection } from '../files/payout-file.ts';
import { makeDataDir } from '../ledger/data-dir.ts';
import { summaryOf } from '../ledger/summary-of.ts';
import type { Logger } from '../logger.ts';
import type { Shutdown } from '../service/shutdown.ts';
import { paintFor, printable } from '../terminal/format.ts';
import { startLiveProgress, type Log } from '../terminal/live-progress.ts';
import { summaryText } from '../terminal/summary-text.ts';
import { columnsOf, wrapText } from '../terminal/width.ts';
import { checkFunds } from './check-funds.ts';
import { attentionTexts } from './attention.ts';
import { otherFilesText } from './other-files.ts';
import type { Profile } from './profile.ts';
import { resendSettings } from './transition-settings.ts';

/** Everything that paying the file works with. */
export interface FilePayment {
  readonly config: Config;
  readonly profile: Profile;
  readonly inspection: Inspection;
  readonly stopping: Shutdown;
  readonly logger: Logger;
  readonly log: Log;
}

export interface PayFileRequest {
  /** Null takes the pinned one, or `skip`. */
  readonly policy: Policy | null;
  readonly waitMs: number;
  /** False: ends when every row was sent. */
  readonly follow: boolean;
  readonly json: boolean;
  /** Where the results go as CSV. */
  readonly resultsPath: string | undefined;
  /** Who submits the file. */
  readonly by: string;
  /** No row is sent before; milliseconds since the epoch. */
  readonly notBefore?: number | undefined;
}

export async function payFile(payment: FilePayment, request: PayFileRequest): Promise<ExitCode> {
  const { config, profile, inspection } = payment;
  const { ledger, clock } = profile;
  const batch = await openFileBatch({ ledger, inspection, policy: request.policy, clock, by: request.by, notBefore: request.notBefore });
  const fixFile = await keepFixFile(payment, batch);
  const { stopping, logger } = payment;
  const { signal } = stopping;
  const refusal = await checkFunds({ config, ledger, clock, logger, batch, inspection, waitMs: request.waitMs, signal });
  if (refusal !== null) stopping.stop(refusal);
  const { isEnqueued, why } = await submitWithProgress(payment, request, batch);
  if (isEnqueued && why === null) return reportEnqueued(payment, request, fixFile);
  return report(payment, request, { fixFile, why });
}

/**
 * Bad rows are those that were rejected when the batch started: a limit lowered since, or a card that has expired, must
 * not make a row that was paid look like one to fix.
 */
async function keepFixFile({ config, inspection, logger }: FilePayment, { batchId, sent }: Batch): Promise<string | null> {
  const { dataDir } = config;
  makeDataDir(dataDir);
  const path = join(dataDir, `${batchId}.errors.csv`);
  if (sent === 0 && !existsSync(path) && inspection.preflight.errorsTotal > 0) {
    const rejected = openRejected(config, { make: true, onWarning: (message) => logger.warn(message) });
    await writeFixFileShown(inspection, path, rejected).finally(() => rejected?.close());
  }
  return existsSync(path) ? path : null;
}

/** Submits the file while the profile's workers run; every failure stops the run and is the reason why. */
async function submitWithProgress(
  payment: FilePayment,
  { waitMs, follow }: PayFileRequest,
  batch: Batch,
): Promise<{ readonly isEnqueued: boolean; readonly why: string | null }> {
  const { profile, inspection, stopping, logger } = payment;
  const { signal } = stopping;
  const display = startLiveProgress(payment.log, () => progressOf(payment));
  const failures: unknown[] = [];
  const fail = (cause: unknown): void => {
    failures.push(cause);
    stopping.stop(messageOf(cause));
  };
  const running = startWorkers(profile.workers(), { clock: profile.clock, signal, onFailure: fail });
  const end = await profile.submit({ batch, inspection, waitMs, follow, signal }).catch(fail);
  await running.stop().catch(fail);
  await profile.finish().catch(fail);
  // A signal that comes from here on changes nothing any more.
  const why = stopping.why();
  await display.end();
  const [failure] = failures;
  if (failure !== undefined) {
    if (!isForeseen(failure)) logger.error({ err: failure }, 'unexpected error, please report it');
    await markStopped(payment);
  }
  return { isEnqueued: end === 'enqueued', why };
}

/** A foreseen failure is reported in one sentence; any other with its stack, so that it can be fixed. */
const isForeseen = (failure: unknown): boolean => failure instanceof CommandError || (failure instanceof Error && 'code' in failure);

async function progressOf({ profile, inspection, stopping }: FilePayment) {
  const { ledger } = profile;
  const { file, sha256: batchId, preflight } = inspection;
  const [tallies, batch] = await Promise.all([ledger.tallies(batchId), ledger.batch(batchId)]);
  const why = stopping.why();
  const note = why === null ? profile.note() : `stopping: ${printable(why)}`;
  return { file, rows: preflight.rows, tallies, sent: batch?.sent ?? 0, note, at: systemClock.now() };
}

/** The ledger itself may be what failed: then the batch stays `running` on disk, and the next run continues all the same. */
async function markStopped({ profile: { ledger, clock }, inspection, logger }: FilePayment): Promise<void> {
  const { sha256: batchId, preflight } = inspection;
  try {
    await writeBatchState(ledger, { batchId, rows: preflight.rows, stopped: true, at: clock.now() });
  } catch (cause) {
    // The failure is reported at the end in one sentence; this would only repeat it.
    logger.debug({ err: cause }, 'the batch could not be marked as stopped');
  }
}

function reportEnqueued({ inspection }: FilePayment, { json }: PayFileRequest, fixFile: string | null): ExitCode {
  const { file, sha256: batchId } = inspection;
  process.stdout.write(json ? `${JSON.stringify({ batch_id: batchId })}\n` : `${batchId}\n`);
  reportFixFile(file, fixFile);
  say(`${printable(file)} is enqueued. disburse status ${batchId.slice(0, 12)} shows its progress.`);
  return exitCodes.ok;
}

function reportFixFile(file: string, path: string | null): void {
  if (path !== null) say(`The invalid rows of ${printable(file)}, with what to correct, are in ${path}`);
}

async function report(
  payment: FilePayment,
  { json, follow, resultsPath }: PayFileRequest,
  { fixFile, why }: { readonly fixFile: string | null; readonly why: string | null },
): Promise<ExitCode> {
  const { config, profile, inspection } = payment;
  const { ledger, clock, results } = profile;
  const batchId = inspection.sha256;
  const batch = await ledger.batch(batchId);
  if (batch === undefined) throw new Error(`batch ${batchId} is missing from the ledger`);
  const summary = await summaryOf(ledger, batch, clock.now());
  process.stdout.write(
    `${json ? JSON.stringify(summary) : summaryText(summary, paintFor(process.stdout, process.env), process.stdout.columns)}\n`,
  );
  reportFixFile(inspection.file, fixFile);
  const unsettledDuplicates = await ledger.countUnsettledDuplicates({ batchId, exceptInProgress: !follow });
  const settings = resendSettings(config);
  const texts = await attentionTexts({
    profile,
    settings,
    summary,
    follow,
    unsettledDuplicates,
    hasFixFile: fixFile !== null,
    isStopped: why !== null,
  });
  for (const text of texts) say(text);
  const others = await otherFilesText(profile, batchId);
  if (others !== null) say(others);
  // After the summary, so that a failure here hides nothing of what became of the file.
  if (resultsPath !== undefined) await writeBatchResults({ ledger, clock, batchId, path: resultsPath, results });

  if (why !== null) {
    const remedy = payment.stopping.remedy();
    const next = remedy === null ? 'Run the same command again to continue where it stopped.' : printable(remedy);
    say(`disburse: stopped: ${printable(why)}\nNothing is lost. ${next}`);
    return exitCodes.stopped;
  }
  return needsAttention(summary, unsettledDuplicates, follow) ? exitCodes.needsAttention : exitCodes.ok;
}

/** For people, within the width of their terminal. */
const say = (text: string): void => void process.stderr.write(`${wrapText(text, columnsOf(process.stderr))}\n`);
