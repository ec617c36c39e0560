/** The console as its users start it. */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Env, Running } from '../support/cli.ts';
import { logIn, type Browser } from '../src/console/browser.ts';
import { until, type World } from './world.ts';

export interface StartedConsole {
  readonly running: Running;
  readonly browser: Browser;
  readonly url: string;
  /** Logs in as another person, by the link of `console login`. */
  as(name: string): Promise<Browser>;
  /** Ends it as Ctrl-C does. @returns its exit code */
  stop(): Promise<number | null>;
}

export const linkFor = async (world: World, name: string, env: Env = {}): Promise<string> => {
  const { code, stdout, stderr } = await world.command(['console', 'login', name], env);
  if (code !== 0) throw new Error(`no link: ${stderr}`);
  return stdout.trim();
};

interface Overview {
  readonly checks: Readonly<Record<string, { readonly ok: boolean }>>;
}

/** The first page, when each of its checks was answered within the time that a page waits for it. */
export async function checkedOverview(browser: Browser): Promise<Overview> {
  let found = (await browser.json('/')) as Overview;
  await until('every check to be answered', async () => {
    if (Object.values(found.checks).every(({ ok }) => ok)) return true;
    found = (await browser.json('/')) as Overview;
    return false;
  });
  return found;
}

export async function beginConsole(world: World, env: Env = {}, args: readonly string[] = []): Promise<StartedConsole> {
  const running = world.begin(['console', ...args], env);
  const lines = createInterface({ input: running.child.stdout as NodeJS.ReadableStream });
  const link = await Promise.race([
    once(lines, 'line').then(([line]) => String(line)),
    running.ended.then(({ code, stderr }) => Promise.reject(new Error(`the console ended with ${code}: ${stderr}`))),
  ]);
  return {
    running,
    url: new URL(link).origin,
    browser: await logIn(link),
    as: async (name) => logIn(await linkFor(world, name, env)),
    async stop() {
      running.kill('SIGTERM');
      return (await running.ended).code;
    },
  };
}
