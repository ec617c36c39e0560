/** The limiter's scripts on a virtual clock: what gcra.lua and its neighbours do, as a test compares them. */
import type { ScriptRunner } from '../../../../src/redis/by-key-scripts.ts';

/** The hash of the limiter, microseconds as in Redis. */
interface Schedule {
  base?: number;
  count?: number;
  interval?: number;
  closed?: number;
}

type Script = (args: readonly string[]) => unknown;

/** @param timeUs Redis TIME */
export function createVirtualScripts(timeUs: () => number, state: Schedule = {}): Readonly<Record<string, Script>> {
  return {
    disburseLimiterReserve(args) {
      const [rate = 0, stretch = 0, wanted = 0, ahead = 0, backlog = 0, settle = 0] = args.map(Number);
      const now = timeUs();
      const interval = (stretch * 1_000_000) / rate;
      const known = state.base !== undefined && state.count !== undefined && state.interval !== undefined;
      const counted = state.interval ?? interval;
      let due = known ? (state.base ?? 0) + (state.count ?? 0) * counted : now + settle;
      const impossible = known && due > now + settle + counted;
      if (impossible) due = now + settle + counted;
      let first = Math.max(due, now - backlog, state.closed ?? 0);
      let base = state.base ?? 0;
      let count = state.count ?? 0;
      if (!known || impossible || first !== due || interval !== counted) [base, count] = [Math.ceil(first), 0];
      first = base + count * interval;
      const given = Math.max(Math.min(wanted, Math.floor((now + ahead - first) / interval) + 1), 0);
      if (given > 0 || !known || impossible) {
        count += given;
        Object.assign(state, { base, count, interval });
      }
      const wait = Math.max(base + count * interval - ahead - now, 0);
      const closedFor = Math.max((state.closed ?? 0) - now, 0);
      return [
        ...[now.toFixed(0), given.toFixed(0), (first - now).toFixed(3), String(interval), wait.toFixed(3), closedFor.toFixed(0)],
        ...['', '', base.toFixed(0), count.toFixed(0)],
      ];
    },
    disburseLimiterGiveBack([base, from, to]) {
      if (state.base?.toFixed(0) !== base || state.count?.toFixed(0) !== to) return 0;
      state.count = Number(from);
      return 1;
    },
    disburseLimiterPushBack([us]) {
      state.closed = Math.max(state.closed ?? 0, timeUs() + Number(us));
      return state.closed.toFixed(0);
    },
  };
}

/** A connection to them: `call` brings each call there and back, or loses it. */
export function virtualRedis(scripts: Readonly<Record<string, Script>>, call: (carryOut: () => unknown) => Promise<unknown>): ScriptRunner {
  const runner = {
    status: 'ready' as const,
    options: { path: 'virtual' },
    defineCommand(name: string): void {
      Object.assign(runner, { [name]: (_key: string, ...args: string[]) => call(() => scripts[name]?.(args)) });
    },
  };
  return runner;
}
