/** The time that all instances share: Redis TIME, so that no lease and no age of a key depends on a machine's own clock. */
import type { Clock } from '../../../batches/ports/clock.ts';
import { systemClock } from '../../clock.ts';
import type { RedisConnection, RedisNode } from '../../redis/connection.ts';
import type { LedgerTimeSeen, ScriptClient } from './script-client.ts';

export interface RedisClock extends Clock {
  /** Takes the time of a reply of the ledger: the clock is never behind it again. */
  note(seen: LedgerTimeSeen): void;
  /** Ends the measurements. */
  close(): void;
}

/** Crystals drift by some 50 millionths: in this time by a millisecond or two. */
const measureEveryMs = 30_000;
/** The best of several counts: the shorter the round trip, the more exact the time. */
const measuresAtOnce = 3;
/** So far behind a reply, the process was suspended, or Redis moved to another server: measure at once. */
const behindMs = 1_000;

interface Measurement {
  readonly offset: number;
  readonly tookMs: number;
}

/**
 * Measures how far Redis TIME is from `monotonic` when it is created, at every new connection, every 30 s, and when a reply
 * of the ledger shows that the clock is behind. In between and while Redis is down the monotonic clock continues. Never runs
 * backwards: it waits until it is overtaken.
 *
 * @param monotonic milliseconds, with fractions, never set back or forward
 */
export async function createRedisClock(params: {
  readonly connection: RedisConnection;
  readonly monotonic: Pick<Clock, 'now'>;
}): Promise<RedisClock> {
  const { connection, monotonic } = params;
  let offset = 0;
  /** How far the ledger's time is ahead of Redis TIME. */
  let ledgerOffset = 0;
  let latest = 0;
  let measuring: Promise<void> | undefined;

  const measure = (): Promise<void> =>
    (measuring ??= measureBest(connection, monotonic)
      .then((best) => {
        offset = best;
      })
      .finally(() => {
        measuring = undefined;
      }));
  /** A measurement that fails leaves the last one in use; the next connection measures again. */
  const measureAgain = (): void => void measure().catch(() => undefined);

  await measure();
  const timer = setInterval(measureAgain, measureEveryMs);
  timer.unref();
  const stop = onReady(connection, measureAgain);

  const measured = (): number => monotonic.now() + offset + ledgerOffset;
  const now = (): number => {
    latest = Math.max(latest, Math.floor(measured()));
    return latest;
  };
  return {
    now,
    note({ nowMs, offsetMs }) {
      ledgerOffset = Math.max(ledgerOffset, offsetMs);
      if (nowMs - measured() > behindMs) measureAgain();
      latest = Math.max(latest, Math.floor(nowMs));
    },
    sleep: systemClock.sleep,
    close() {
      clearInterval(timer);
      stop();
    },
  };
}

/** Calls it on every new connection to a node. @returns a function that ends that */
function onReady(connection: RedisConnection, listener: () => void): () => void {
  const heard = new Set<RedisNode>();
  const listen = (): void => {
    for (const node of connection.nodes()) {
      if (heard.has(node)) continue;
      heard.add(node);
      node.client.on('ready', listener);
    }
  };
  listen();
  const stop = connection.onChange(listen);
  return () => {
    stop();
    for (const { client } of heard) client.off('ready', listener);
  };
}

/** Of several nodes the one that is ahead counts: no record of theirs is ever later than this clock. */
async function measureBest(connection: RedisConnection, monotonic: Pick<Clock, 'now'>): Promise<number> {
  const ready = connection.nodes().filter(({ client }) => client.status === 'ready');
  const results = await Promise.allSettled(ready.map((node) => measureNode(node, monotonic)));
  const offsets = results.filter((result) => result.status === 'fulfilled').map(({ value }) => value);
  if (offsets.length === 0) throw new Error('no answer');
  return Math.max(...offsets);
}

async function measureNode({ client }: RedisNode, monotonic: Pick<Clock, 'now'>): Promise<number> {
  const measureOnce = async (): Promise<Measurement> => {
    const before = monotonic.now();
    const [seconds, microseconds] = await client.time();
    const after = monotonic.now();
    const time = Number(seconds) * 1000 + Number(microseconds) / 1000;
    return { offset: time - (before + after) / 2, tookMs: after - before };
  };
  let best = await measureOnce();
  for (let count = 1; count < measuresAtOnce; count += 1) {
    const next = await measureOnce();
    if (next.tookMs < best.tookMs) best = next;
  }
  return best.offset;
}

/** Redis TIME, in milliseconds since the epoch. */
export async function redisTime(calls: ScriptClient): Promise<number> {
  const [seconds, microseconds] = (await calls.read(0, 'time')) as readonly string[];
  return Number(seconds) * 1000 + Number(microseconds) / 1000;
}
