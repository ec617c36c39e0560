import type { Policy } from '../../batches/record/batch.ts';
import type { Verifier } from '../../batches/gateway/signature.ts';
import type { Config } from '../config/config.ts';
import { loadVerifier } from '../config/keys.ts';
import { CommandError, exitCodes, type ExitCode } from '../exit.ts';
import { inspectFile, type ReadingFlags } from '../files/inspect-file.ts';
import { assertWritable } from '../files/output-path.ts';
import { brokenReport } from '../files/validation-report.ts';
import { brokenText } from '../files/validation-text.ts';
import { assertWorkbookRows } from '../files/workbook-out.ts';
import { ownFiles } from './own-files.ts';
import { isAsked, reviewed } from './review.ts';
import { knownPersonOf } from './person.ts';
import { createLogger, type Logger } from '../logger.ts';
import { prepareProfile } from '../profiles/open-profile.ts';
import { openRejected } from '../profiles/rejected-rows.ts';
import { payFile } from '../profiles/pay-file.ts';
import type { Profile } from '../profiles/profile.ts';
import { createShutdown } from '../service/shutdown.ts';
import { listenForWebhooks } from '../service/webhooks.ts';
import { logLine } from '../terminal/log-line.ts';
import { paintFor } from '../terminal/format.ts';
import { columnsOf, wrapText } from '../terminal/width.ts';

export interface RunOptions extends ReadingFlags {
  readonly json?: boolean;
  readonly policy?: Policy;
  /** Milliseconds; false for `--no-wait`. Commander answers true where neither was given. */
  readonly wait?: number | boolean;
  readonly detach?: boolean;
  readonly results?: string;
  readonly webhooks?: { readonly host: string; readonly port: number };
  readonly capture?: 'auto' | 'manual';
  readonly newLedger?: boolean;
  readonly allowUnsafeRedis?: boolean;
  readonly by?: string;
  readonly yes?: boolean;
  /** Milliseconds since the epoch. */
  readonly at?: number;
}

const defaultWaitMs = 900_000;

/** Pays a file, from checking it to the summary. Run again on the same bytes, it continues where it stopped. */
export async function run(config: Config, path: string, options: RunOptions): Promise<ExitCode> {
  const { json = false, detach = false, newLedger = false, allowUnsafeRedis = false, yes = false, wait, results, policy = null } = options;
  if (results !== undefined) await assertWritable('--results', results, path, ownFiles(config));
  const by = knownPersonOf(config, options);
  const verifier = await verifierFor(config, options);
  const log = { print: (text: string): void => void process.stderr.write(text) };
  const logger = createLogger(config.settings.LOG_LEVEL, {
    write: (line) => log.print(process.stderr.isTTY === true ? wrapText(logLine(line), columnsOf(process.stderr)) : line),
  });
  const stopping = createShutdown(
    (signal) => log.print(`${signal}: finishing payments in flight; press Ctrl-C again to exit now.\n`),
    () => process.exit(exitCodes.stopped),
  );
  const waitMs = typeof wait === 'number' ? wait : defaultWaitMs;
  try {
    const params = {
      config,
      logger,
      stopping,
      verifier,
      role: 'run',
      patienceMs: waitMs,
      detach,
      newLedger,
      allowUnsafeRedis,
      ...captureOf(options),
    } as const;
    const prepared = await prepareProfile(params);
    const rejected = openRejected(config, { make: false, onWarning: (message) => logger.warn(message) });
    const reading = { signal: stopping.signal, rejected };
    const outcome = await inspectFile(config, path, options, reading).finally(() => rejected?.close());
    if (!outcome.ok) {
      if (json) process.stdout.write(`${JSON.stringify(brokenReport(outcome.broken))}\n`);
      process.stderr.write(`${wrapText(brokenText(outcome.broken, paintFor(process.stderr, process.env)), columnsOf(process.stderr))}\n`);
      return exitCodes.usage;
    }
    const { inspection } = outcome;
    if (!inspection.rereadable) {
      throw new CommandError(
        exitCodes.usage,
        `${path} is a pipe and can be read only once, but the whole file is checked before it is paid. Save it to a file first.`,
      );
    }
    if (results !== undefined) assertWorkbookRows('--results', results, inspection.preflight.rows);
    const terminal = { input: process.stdin, output: process.stderr };
    if (isAsked({ json, yes }, terminal) && !(await reviewed(config, inspection, terminal, stopping.signal))) {
      process.stderr.write('Nothing is admitted, and nothing is paid.\n');
      return exitCodes.usage;
    }
    const profile = await prepared.open();
    const http = options.webhooks === undefined ? undefined : await startWebhooks(options.webhooks, profile, logger);
    try {
      const request = { policy, waitMs, follow: wait !== false, json, resultsPath: results, by, notBefore: options.at };
      const code = await payFile({ config, profile, inspection, stopping, logger, log }, request);
      await profile.runMaintenance(inspection.preflight.rows);
      return code;
    } finally {
      await http?.close();
      await profile.close();
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

/** Null where no webhooks are asked for. @throws {CommandError} exit 1 when they cannot be taken */
async function verifierFor(config: Config, { webhooks }: RunOptions): Promise<Verifier | null> {
  if (webhooks === undefined) return null;
  if (config.servers !== null)
    throw new CommandError(
      exitCodes.usage,
      '--webhooks belongs to the stand-alone profile: disburse serve takes webhooks at HTTP_HOST and HTTP_PORT.',
    );
  const verifier = await loadVerifier(config.settings.GATEWAY_PUBLIC_KEY_FILE);
  if (verifier === null)
    throw new CommandError(
      exitCodes.usage,
      '--webhooks needs GATEWAY_PUBLIC_KEY_FILE: without a public key of the gateway no webhook can be verified.',
    );
  return verifier;
}

async function startWebhooks(address: NonNullable<RunOptions['webhooks']>, profile: Profile, logger: Logger) {
  try {
    const http = await listenForWebhooks(address, profile.webhooks, { logger });
    logger.info({ url: http.url }, 'taking webhooks');
    return http;
  } catch (cause) {
    await profile.close();
    throw cause;
  }
}

export const captureOf = ({ capture }: Pick<RunOptions, 'capture'>) => (capture === undefined ? {} : { capture });
