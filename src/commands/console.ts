/** The console in a browser, by itself: it pays what is handed over in it, or shows what another process pays. */
import { hostname } from 'node:os';
import type { OperationRequest } from '../../batches/operations/request.ts';
import { messageOf } from '../../batches/pipeline/notice.ts';
import { startWorkers } from '../../batches/pipeline/worker.ts';
import type { Config } from '../config/config.ts';
import { loadVerifier } from '../config/keys.ts';
import type { Layer } from '../config/settings-list.ts';
import { systemClock } from '../clock.ts';
import { loadConsoleKey } from '../console/access/console-key.ts';
import { loginToken } from '../console/access/logins.ts';
import { findRunning } from '../console/access/running.ts';
import { createSigned } from '../console/access/signed.ts';
import { openConsole, type OpenConsoleParams } from '../console/console.ts';
import { checkAddress, loginUrl } from '../console/server.ts';
import { CommandError, exitCodes, type ExitCode } from '../exit.ts';
import { LedgerHeldError } from '../ledger/errors.ts';
import { findHolder } from '../ledger/sqlite/lock.ts';
import { createLogger, type Logger } from '../logger.ts';
import { operateProfile, prepareProfile } from '../profiles/open-profile.ts';
import type { Profile } from '../profiles/profile.ts';
import { createShutdown, type Shutdown } from '../service/shutdown.ts';
import { personOf } from './person.ts';

export interface ConsoleOptions {
  readonly newLedger?: boolean;
  readonly allowUnsafeRedis?: boolean;
}

interface Work {
  readonly config: Config;
  readonly layers: readonly Layer[];
  readonly options: ConsoleOptions;
  readonly logger: Logger;
  readonly stopping: Shutdown;
}

/** Nothing, or `login` and a name. */
export async function console(
  config: Config,
  layers: readonly Layer[],
  args: readonly string[],
  options: ConsoleOptions,
): Promise<ExitCode> {
  const [action, name = '', ...more] = args;
  if (action === undefined) return serveConsole(config, layers, options);
  if (action !== 'login' || name.trim() === '' || more.length > 0)
    throw new CommandError(exitCodes.usage, `console ${args.join(' ')}: expected nothing, or login and the name of a person.`);
  return printLogin(config, name.trim());
}

function printLogin(config: Config, name: string): ExitCode {
  const running = findRunning(config.dataDir);
  if (running === undefined)
    throw new CommandError(
      exitCodes.usage,
      `no console runs on ${config.dataDir}. Start disburse console, or disburse serve with CONSOLE_PORT; is DATA_DIR right?`,
    );
  if (name.length > 200) throw new CommandError(exitCodes.usage, 'a name has at most 200 characters.');
  const signed = createSigned(loadConsoleKey(config.dataDir));
  process.stdout.write(`${loginUrl(running.url, loginToken(signed, { name, consoleId: running.id, now: systemClock.now() }))}\n`);
  return exitCodes.ok;
}

async function serveConsole(config: Config, layers: readonly Layer[], options: ConsoleOptions): Promise<ExitCode> {
  checkAddress(config);
  const pays = hasGateway(config);
  const logger = createLogger(config.settings.LOG_LEVEL, { write: (line) => void process.stderr.write(line) });
  const leave = (): never => process.exit(exitCodes.stopped);
  const stopping = createShutdown(
    (signal) => logger.info({ signal }, 'stopping: finishing payments in flight; send the signal again to exit now'),
    leave,
  );
  const work: Work = { config, layers, options, logger, stopping };
  try {
    const profile = pays && config.servers === null ? await openUnlessHeld(work) : undefined;
    try {
      await (profile === undefined ? showOnly(work, pays) : payAndShow(work, profile));
    } finally {
      await profile?.close();
    }
    if (!stopping.failed()) return exitCodes.ok;
    const next = stopping.remedy() ?? 'Start it again to continue.';
    process.stderr.write(`disburse: stopped: ${stopping.why() ?? 'for an unknown reason'}\nNothing is lost. ${next}\n`);
    return exitCodes.stopped;
  } finally {
    stopping.release();
  }
}

/** @throws {CommandError} exit 1 when some of what paying needs is set, and some is not */
function hasGateway({ settings }: Config): boolean {
  const names = ['GATEWAY_URL', 'GATEWAY_PROJECT', 'GATEWAY_PRIVATE_KEY_FILE'] as const;
  const unset = names.filter((name) => settings[name] === undefined);
  if (unset.length > 0 && unset.length < names.length)
    throw new CommandError(
      exitCodes.usage,
      `${unset.join(' and ')} ${unset.length === 1 ? 'is' : 'are'} not set: paying needs ${names.join(', ')}. Without any of them the console shows the ledger and pays nothing.`,
    );
  return unset.length === 0;
}

/** Undefined while another process pays from the ledger. */
async function openUnlessHeld({ config, options, logger, stopping }: Work): Promise<Profile | undefined> {
  const { newLedger = false, allowUnsafeRedis = false } = options;
  const verifier = await loadVerifier(config.settings.GATEWAY_PUBLIC_KEY_FILE);
  const params = {
    config,
    logger,
    stopping,
    verifier,
    role: 'serve',
    patienceMs: null,
    detach: false,
    newLedger,
    allowUnsafeRedis,
  } as const;
  try {
    return await (await prepareProfile(params)).open();
  } catch (cause) {
    if (!(cause instanceof LedgerHeldError)) throw cause;
    logger.info(`${cause.message} This console shows it, and gives it what is decided here.`);
    return undefined;
  }
}

async function payAndShow(work: Work, profile: Profile): Promise<void> {
  const { stopping } = work;
  const onFailure = (cause: unknown): void => stopping.stop(messageOf(cause));
  const running = startWorkers(profile.workers(), { clock: profile.clock, signal: stopping.signal, onFailure });
  try {
    await untilStopped(work, {
      pays: () => 'This process (disburse console) pays.',
      ask: profile.operate,
      checks: profile.checks(),
      payment: { profile, signal: stopping.signal },
    });
  } finally {
    await running.stop();
    await profile.finish();
  }
}

const showOnly = (work: Work, pays: boolean): Promise<void> => {
  const { config, logger, stopping } = work;
  return untilStopped(work, {
    pays: () => whoPays(config, pays),
    async ask(request) {
      const answer = await operateProfile({ config, logger, stopping }, request);
      const isSent = answer.outcome === 'done' && sends.has(request.type);
      return isSent && isUnpaid(config) ? { ...answer, text: `${answer.text} ${noProcess}` } : answer;
    },
  });
};

/** What lets something be sent. */
const sends: ReadonlySet<OperationRequest['type']> = new Set(['approve', 'retry', 'resume', 'loosen']);

const isUnpaid = ({ servers, dataDir }: Config): boolean => servers === null && findHolder(dataDir, hostname()) === undefined;

const noProcess =
  'No process pays from this ledger now: what is decided here is kept in it, and sent by the next disburse serve, console or run. Start this console again to pay from here.';

/** Asked for again each time: the other process may end, and another one begin. */
function whoPays(config: Config, hasAny: boolean): string {
  if (!hasAny)
    return 'No gateway is configured: this console shows the ledger and pays nothing. What is decided here is sent by a process with one.';
  if (config.servers !== null)
    return 'The instances of disburse serve pay from this ledger: this console shows it, and gives it what is decided here. To pay a file, hand it over in the console of a serve with CONSOLE_PORT, or use disburse run.';
  const holder = findHolder(config.dataDir, hostname());
  if (holder === undefined) return noProcess;
  return `Another process pays from this ledger (process ${holder.pid} on ${holder.host}): this console shows it, and gives it what is decided here. To pay a file, hand it over in the console of that process (a serve with CONSOLE_PORT, which lists files that were uploaded here), or put it into its drop folder; or use disburse run when that process has ended.`;
}

async function untilStopped(
  { config, layers, logger, stopping }: Work,
  more: Pick<OpenConsoleParams, 'pays' | 'ask' | 'checks' | 'payment'>,
): Promise<void> {
  const { CONSOLE_PORT: port = 0, CONSOLE_TRUSTED_PROXY: proxy } = config.settings;
  const server = await openConsole({ config, layers, logger, port, ...more });
  try {
    // Behind a proxy there are no links.
    if (proxy === undefined) process.stdout.write(`${server.loginUrl(personOf({}))}\n`);
    logger.info({ url: server.url }, more.pays());
    if (!stopping.signal.aborted)
      await new Promise<void>((resolve) => stopping.signal.addEventListener('abort', () => resolve(), { once: true }));
  } finally {
    await server.close();
  }
}
