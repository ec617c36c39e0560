/** A console on the ledger of a world, in this process, with a person who is logged in. */
import { readConfig, type Config } from '../../../src/config/config.ts';
import { openConsole } from '../../../src/console/console.ts';
import type { ConsoleServer } from '../../../src/console/server.ts';
import { createLogger } from '../../../src/logger.ts';
import { operateProfile } from '../../../src/profiles/open-profile.ts';
import { createShutdown } from '../../../src/service/shutdown.ts';
import type { World } from '../../e2e/world.ts';
import { logIn, type Browser } from './browser.ts';

export interface OpenedConsole {
  readonly config: Config;
  readonly server: ConsoleServer;
  readonly browser: Browser;
  as(name: string): Promise<Browser>;
}

/** It pays nothing, as beside another process; what it is asked goes to the ledger. */
export async function withConsole(
  world: Pick<World, 'env'>,
  work: (opened: OpenedConsole) => Promise<void>,
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const layer = { ...world.env, ...env };
  const config = readConfig([layer], 'data');
  const logger = createLogger('silent');
  const stopping = createShutdown(
    () => undefined,
    () => process.exit(3),
  );
  const layers = [{ source: 'environment', values: layer }] as const;
  const pays = (): string => 'Nothing is paid from here.';
  const server = await openConsole({
    config,
    layers,
    logger,
    port: 0,
    pays,
    ask: (request) => operateProfile({ config, logger, stopping }, request),
  });
  const as = (name: string): Promise<Browser> => logIn(server.loginUrl(name));
  try {
    await work({ config, server, browser: await as('alice'), as });
  } finally {
    await server.close();
    stopping.release();
  }
}
