/** Instances of `disburse serve` while they run: ready, measured, stopped. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Readable } from 'node:stream';
import { ended, killGroup, startChild } from '../children.ts';
import { serve, type Bench, type Meeting } from '../contenders.ts';
import { cpuOfServer, inherited, peakMibOfServer, rssMibOfServer } from '../measure.ts';

const readyWithinMs = 60_000;
const stopsWithinMs = 60_000;
const logTail = 4_000;

export interface Instances {
  /** What `work` gives; rejects as soon as an instance ends by itself. */
  during<T>(work: Promise<T>): Promise<T>;
  /** Resolves when each is in the consumer group and says that it is ready. */
  ready(): Promise<void>;
  /** User and system of all of them, since they started. */
  cpuSeconds(): number;
  /** Of each, what it holds now. */
  rssMib(): readonly number[];
  /** Of each, the most that it ever held. */
  peakMib(): readonly number[];
  /** How many results each has published, as its metrics say. */
  outcomes(): Promise<readonly number[]>;
  /** By SIGTERM, as an operator would; rejects when one of them does not end well. */
  stop(): Promise<void>;
  /** At once, whatever became of them. */
  kill(): Promise<void>;
}

export function startInstances(
  bench: Bench,
  params: {
    readonly count: number;
    readonly gateway: string;
    readonly meeting: Meeting;
    readonly env?: Readonly<Record<string, string>>;
  },
): Instances {
  let stopping = false;
  const all = Array.from({ length: params.count }, (_, index) => {
    const { program, args, env, cwd } = serve(bench, params);
    const child = startChild(program, args, { env: { ...inherited(), ...env }, cwd, stdio: ['ignore', 'ignore', 'pipe'] });
    let log = '';
    (child.stderr as Readable).setEncoding('utf8').on('data', (text: string) => (log = (log + text).slice(-logTail)));
    let url: string | undefined;
    (child.stderr as Readable).on('data', () => (url ??= /"url":"(http:[^"]+)"/.exec(log)?.[1]));
    const end = ended(child);
    const failure = (what: string): Error => new Error(`instance ${index + 1} ${what}\n${log}`);
    const failed = end.then(({ code, signal }): never => {
      throw failure(`ended ${stopping ? 'while it was stopped' : 'by itself'}: ${signal ?? `exit ${code}`}`);
    });
    failed.catch(() => undefined);
    return { child, pid: child.pid ?? 0, end, failure, failed, url: () => url };
  });

  const during = <T>(work: Promise<T>): Promise<T> => Promise.race([work, ...all.map(({ failed }) => failed)]);
  const isReady = async (url: string | undefined): Promise<boolean> =>
    url !== undefined &&
    (await fetch(`${url}/readyz`).then(
      (answer) => answer.ok,
      () => false,
    ));
  return {
    during,
    async ready() {
      const deadline = performance.now() + readyWithinMs;
      for (const one of all) {
        while (!(await during(isReady(one.url())))) {
          if (performance.now() > deadline) throw one.failure(`is not ready after ${readyWithinMs / 1000} s`);
          await sleep(50);
        }
      }
    },
    cpuSeconds: () => all.reduce((sum, { pid }) => sum + cpuOfServer(pid), 0),
    rssMib: () => all.map(({ pid }) => rssMibOfServer(pid)),
    peakMib: () => all.map(({ pid }) => peakMibOfServer(pid)),
    outcomes: () =>
      Promise.all(
        all.map(async ({ url }) => {
          const text = await (await fetch(`${url()}/metrics`)).text();
          return [...text.matchAll(/^disburse_outcomes_total\{[^}]*\} (\S+)$/gm)].reduce((sum, [, count]) => sum + Number(count), 0);
        }),
      ),
    async stop() {
      stopping = true;
      const timer = setTimeout(() => all.forEach(({ child }) => killGroup(child, 'SIGKILL')), stopsWithinMs);
      for (const { child } of all) killGroup(child, 'SIGTERM');
      try {
        for (const { end, failure } of all) {
          const { code, signal } = await end;
          if (code !== 0) throw failure(`did not stop well: ${signal ?? `exit ${code}`}`);
        }
      } finally {
        clearTimeout(timer);
      }
    },
    async kill() {
      stopping = true;
      for (const { child } of all) killGroup(child, 'SIGKILL');
      await Promise.all(all.map(({ end }) => end));
    },
  };
}
