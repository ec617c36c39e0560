/** Starts the stub gateway and asks it what it saw. */
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { startChild } from './children.ts';
import { cpuOfServer } from './measure.ts';
import type { BookAccounts, Call } from './stub/book.ts';
import type { StubMode, StubStats } from './stub/gateway.ts';

export interface Stub {
  readonly url: string;
  cpuSeconds(): number;
  reset(): Promise<void>;
  /** The gateway no longer knows any key. */
  forgetKeys(): Promise<void>;
  stats(): Promise<StubStats>;
  calls(): Promise<readonly Call[]>;
  /** How often each record was paid, counted by the gateway: a list of millions of calls is too long for one answer. */
  accounts(): Promise<BookAccounts>;
  /** Resolves as soon as so many calls came. */
  reached(calls: number): Promise<void>;
  stop(): Promise<void>;
}

const jsonLines = <T>(text: string): T[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);

/** An ordinary day of a gateway, or one that answers at once. */
export interface Weather {
  readonly latencyMs: number;
  readonly faultShare: number;
}

export async function startStub(mode: StubMode, { latencyMs, faultShare }: Weather = { latencyMs: 0, faultShare: 0 }): Promise<Stub> {
  // Its stdin is a pipe of ours: it ends when we do, however that is.
  const args = [join(import.meta.dirname, 'stub-gateway.ts'), mode, String(latencyMs), String(faultShare)];
  const child = startChild(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout as Readable });
  const ended = once(child, 'exit');
  const [url] = (await Promise.race([
    once(lines, 'line'),
    ended.then(() => {
      throw new Error('the stub gateway did not start');
    }),
  ])) as [string];
  lines.close();

  const ask = async (path: string, method = 'GET'): Promise<string> => {
    const answer = await fetch(`${url}/_stub/${path}`, { method });
    if (!answer.ok) throw new Error(`the stub gateway answered ${answer.status} to ${path}`);
    return answer.text();
  };
  return {
    url,
    cpuSeconds: () => cpuOfServer(child.pid ?? 0),
    reset: async () => void (await ask('reset', 'POST')),
    forgetKeys: async () => void (await ask('forget', 'POST')),
    stats: async () => JSON.parse(await ask('stats')) as StubStats,
    calls: async () => jsonLines<Call>(await ask('calls')),
    accounts: async () => JSON.parse(await ask('accounts')) as BookAccounts,
    reached: async (calls) => void (await ask(`reached?calls=${calls}`)),
    async stop() {
      child.stdin?.end();
      await ended;
    },
  };
}
