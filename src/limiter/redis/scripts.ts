/** The limiter's scripts inside Redis as functions. Their headers tell what they hold; here are only the words for it. */
import { readFileSync } from 'node:fs';
import type { ScriptRunner } from '../../redis/by-key-scripts.ts';
import type { RateDrop } from '../recovery-ramp.ts';

/**
 * What `reserve` answers; times in milliseconds unless they say otherwise.
 *
 * @property nowUs Redis TIME, microseconds since the epoch
 * @property given so many slots: number `first` to `first + given - 1` of the schedule `base`
 * @property firstInMs where the first one begins, from `nowUs`; may lie before it
 * @property waitMs until another slot may be in reach
 */
export interface Reservation {
  readonly nowUs: number;
  readonly given: number;
  readonly firstInMs: number;
  readonly intervalMs: number;
  readonly waitMs: number;
  readonly closedMs: number;
  readonly fall: FallenFor | undefined;
  readonly base: string;
  readonly first: number;
}

interface FallenFor extends RateDrop {
  readonly elapsedMs: number;
}

export interface LimiterScripts {
  reserve(params: { wanted: number; aheadMs: number }): Promise<Reservation>;
  returnPermits(slots: { base: string; from: number; to: number }): Promise<void>;
  pushBack(ms: number): Promise<void>;
  slowDown(): Promise<FallenFor>;
  /** Milliseconds, 0 when open. */
  pausedFor(): Promise<number>;
}

const source = (name: string): string => readFileSync(new URL(`./${name}.lua`, import.meta.url), 'utf8');
const climb = source('recovery-ramp');

const lua = {
  disburseLimiterReserve: `${climb}\n${source('gcra')}`,
  disburseLimiterGiveBack: source('return-permit'),
  disburseLimiterPushBack: source('push-back'),
  disburseLimiterSlowDown: `${climb}\n${source('slow-down')}`,
  disburseLimiterClosed: source('paused'),
};

type Command = (key: string, ...args: string[]) => Promise<unknown>;

/**
 * @param rate permits a second; nothing but `pushBack` and `closedFor` may be called without one
 * @param stretch how many times longer than 1 / rate an interval is
 * @param backlogMs how old an unused slot may be
 * @param settleMs how far ahead a new schedule begins
 */
export function createLimiterScripts(params: {
  redis: ScriptRunner;
  key: string;
  rate?: number;
  stretch?: number;
  backlogMs?: number;
  settleMs?: number;
}): LimiterScripts {
  const { redis, key, rate = 1, stretch = 1, backlogMs = 0, settleMs = 0 } = params;
  for (const [name, text] of Object.entries(lua)) redis.defineCommand(name, { numberOfKeys: 1, lua: text });
  const commands = redis as unknown as Record<keyof typeof lua, Command>;
  const us = (ms: number): string => String(Math.round(ms * 1000));

  return {
    async reserve({ wanted, aheadMs }) {
      const reply = await commands.disburseLimiterReserve(
        key,
        String(rate),
        String(stretch),
        String(wanted),
        us(aheadMs),
        us(backlogMs),
        us(settleMs),
      );
      const [now, given, firstIn, interval, wait, closed, low, elapsed, base, count] = reply as string[];
      return {
        nowUs: Number(now),
        given: Number(given),
        firstInMs: Number(firstIn) / 1000,
        intervalMs: Number(interval) / 1000,
        waitMs: Number(wait) / 1000,
        closedMs: Number(closed) / 1000,
        fall: low === '' ? undefined : { low: Number(low), elapsedMs: Number(elapsed) / 1000 },
        base: String(base),
        first: Number(count) - Number(given),
      };
    },
    async returnPermits({ base, from, to }) {
      await commands.disburseLimiterGiveBack(key, base, String(from), String(to));
    },
    async pushBack(ms) {
      await commands.disburseLimiterPushBack(key, String(Math.ceil(ms * 1000)));
    },
    async slowDown() {
      const [low, elapsed] = (await commands.disburseLimiterSlowDown(key, String(rate))) as string[];
      return { low: Number(low), elapsedMs: Number(elapsed) / 1000 };
    },
    async pausedFor() {
      return Number(await commands.disburseLimiterClosed(key)) / 1000;
    },
  };
}
