/** Runs the processes of a story: `run` on a stand-alone ledger, two instances of `serve` in the distributed profile. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { AuditEntry } from '../../../batches/audit/audit-entry.ts';
import type { RecordView } from '../../../batches/record/record-view.ts';
import { createKeyNames, shardOf } from '../../support/ledger-names.ts';
import { decodeEntry } from '../../../src/ledger/redis/trails.ts';
import { openReader } from '../../../src/ledger/sqlite/reader.ts';
import type { Cluster, Instance } from '../../e2e/cluster.ts';
import type { World } from '../../e2e/world.ts';
import type { Env, Running } from '../../support/cli.ts';

/**
 * @property begin starts what pays the file
 * @property kill ends one of the processes that pay by SIGKILL, and starts it again
 * @property settle returns when nothing moves any more: what is open then stays so
 * @property end ends the processes
 */
export interface Players {
  begin(): Promise<void>;
  kill(random: () => number): Promise<void>;
  settle(): Promise<void>;
  end(): Promise<void>;
  trails(recordIds: readonly string[]): Promise<ReadonlyMap<string, readonly AuditEntry[]>>;
}

export interface Playing {
  readonly file: string;
  readonly env: Env;
  /** Where the first process takes webhooks; 0: nowhere. */
  readonly port: number;
  readonly quietMs: number;
}

/** How many records are open, and whether one of them has a step before it that no person takes. */
async function openNow(world: World): Promise<{ readonly open: number; readonly moves: boolean }> {
  const { stdout } = await world.command(['records', '--json', '--limit', '100000']);
  const lines = stdout.split('\n').filter((line) => line !== '');
  const steps = lines.map((line) => (JSON.parse(line) as Pick<RecordView, 'next'>).next?.action);
  return { open: lines.length, moves: steps.some((action) => action !== 'person') };
}

/** Returns when no record has ended for so long; for four times as long while the next step of one is our own, which may be late. */
async function untilQuiet(world: World, quietMs: number): Promise<void> {
  let [now, since] = [await openNow(world), Date.now()];
  while (now.open > 0 && Date.now() - since < (now.moves ? 4 : 1) * quietMs) {
    await sleep(500);
    const { open } = now;
    now = await openNow(world);
    if (now.open !== open) since = Date.now();
  }
}

export function standalonePlayers(world: World, { file, env, port, quietMs }: Playing): Players {
  const webhooks = port === 0 ? [] : ['--webhooks', `127.0.0.1:${port}`];
  let running: Running | undefined;
  const begin = async (): Promise<void> => {
    running = world.begin(['run', file, '--json', '--wait', '15m', ...webhooks], env);
  };
  const end = async (): Promise<void> => {
    running?.kill('SIGKILL');
    await running?.ended;
  };
  return {
    begin,
    async kill() {
      await end();
      await begin();
    },
    async settle() {
      // It may have ended while the faults were on.
      if (running?.child.exitCode !== null) await begin();
      await untilQuiet(world, quietMs);
      if (running?.child.exitCode === 1) throw new Error(`run: ${running.stderr().slice(-3000)}`);
    },
    end,
    async trails(recordIds) {
      const reader = await openReader(world.dataDir);
      try {
        const found = new Map<string, readonly AuditEntry[]>();
        for (const id of recordIds) found.set(id, await reader.trail(id));
        return found;
      } finally {
        await reader.close();
      }
    },
  };
}

export function distributedPlayers(cluster: Cluster, { file, env, port, quietMs }: Playing): Players {
  const instances: Instance[] = [];
  const serve = async (place: number): Promise<void> => {
    instances[place] = await cluster.serve({ ...env, ...(place === 0 && port !== 0 ? { HTTP_PORT: String(port) } : {}) });
  };
  const stop = async (place: number): Promise<void> => {
    instances[place]?.kill('SIGKILL');
    await instances[place]?.ended;
  };
  return {
    async begin() {
      const enqueued = await cluster.command(['run', file, '--detach'], env);
      if (enqueued.code !== 0) throw new Error(`run --detach ended with ${enqueued.code}: ${enqueued.stderr}`);
      await Promise.all([serve(0), serve(1)]);
    },
    async kill(random) {
      const place = random() < 0.5 ? 0 : 1;
      await stop(place);
      await serve(place);
    },
    settle: () => untilQuiet(cluster, quietMs),
    async end() {
      await Promise.all(instances.map((_, place) => stop(place)));
    },
    async trails(recordIds) {
      const redis = new Redis(cluster.names['REDIS_URL'] ?? '');
      const names = createKeyNames(cluster.prefix);
      try {
        const found = new Map<string, readonly AuditEntry[]>();
        for (const id of recordIds) {
          const stored = await redis.lrangeBuffer(names.trail(shardOf(id), id), 0, -1);
          found.set(
            id,
            stored.map((bytes, index) => decodeEntry(bytes, index + 1)),
          );
        }
        return found;
      } finally {
        redis.disconnect();
      }
    },
  };
}
