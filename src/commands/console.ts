/** The console in a browser. */
import { userInfo } from 'node:os';
import type { Config } from '../config/config.ts';
import type { Layer } from '../config/settings-list.ts';
import { systemClock } from '../clock.ts';
import { loadConsoleKey } from '../console/access/console-key.ts';
import { loginToken } from '../console/access/logins.ts';
import { findRunning } from '../console/access/running.ts';
import { createSigned } from '../console/access/signed.ts';
import { openConsole } from '../console/console.ts';
import { checkAddress, loginUrl } from '../console/server.ts';
import { CommandError, exitCodes, type ExitCode } from '../exit.ts';
import { createLogger } from '../logger.ts';
import { operateProfile } from '../profiles/open-profile.ts';
import { createShutdown } from '../service/shutdown.ts';

/** Nothing, or `login` and a name. */
export async function console(config: Config, layers: readonly Layer[], args: readonly string[]): Promise<ExitCode> {
  const [action, name = '', ...more] = args;
  if (action === undefined) return serveConsole(config, layers);
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

async function serveConsole(config: Config, layers: readonly Layer[]): Promise<ExitCode> {
  checkAddress(config);
  const logger = createLogger(config.settings.LOG_LEVEL, { write: (line) => void process.stderr.write(line) });
  const leave = (): never => process.exit(exitCodes.stopped);
  const stopping = createShutdown((signal) => logger.info({ signal }, 'stopping'), leave);
  try {
    const server = await openConsole({
      config,
      layers,
      logger,
      port: config.settings.CONSOLE_PORT ?? 0,
      pays: () => 'Nothing is paid from here.',
      ask: (request) => operateProfile({ config, logger, stopping }, request),
    });
    try {
      if (config.settings.CONSOLE_TRUSTED_PROXY === undefined) process.stdout.write(`${server.loginUrl(userInfo().username)}\n`);
      logger.info({ url: server.url }, 'the console is served');
      await new Promise<void>((resolve) => stopping.signal.addEventListener('abort', () => resolve(), { once: true }));
    } finally {
      await server.close();
    }
    return exitCodes.ok;
  } finally {
    stopping.release();
  }
}
