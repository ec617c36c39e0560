/** A ledger in a Redis of one's own, or under a prefix of one's own in the one that all tests share. */
import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { beginRebuild, openRedisLedger, type RedisLedger, type RedisLedgerParams } from '../../../../src/ledger/redis/ledger.ts';
import { connectRedis, type RedisConnection } from '../../../../src/redis/connection.ts';
import { keys } from '../../../support/builders.ts';
import type { Binding } from '../../../../src/ledger/errors.ts';

const ledgerKey = Buffer.alloc(32, 7);
export const binding: Binding = { gateway: 'http://127.0.0.1:4010', project: 'shop', idempotencyHeader: 'X-PARTNER-IDEMPOTENCY-KEY' };

/** One instance: a ledger on a connection of its own. */
export interface Instance {
  readonly ledger: RedisLedger;
  readonly connection: RedisConnection;
  readonly warnings: readonly string[];
  close(): Promise<void>;
}

export async function openInstance(url: string, prefix: string, patch: Partial<RedisLedgerParams> = {}): Promise<Instance> {
  const warnings: string[] = [];
  const onWarning = (message: string): void => void warnings.push(message);
  const connection = await connectRedis({ url, onWarning });
  try {
    const ledger = await openRedisLedger({
      connection,
      prefix,
      binding,
      ledgerKey,
      keys,
      ids: randomUUID,
      mayCreate: true,
      marksSeen: [],
      hasResults: false,
      allow: { unsafe: false },
      onWarning,
      ...patch,
    });
    return {
      ledger,
      connection,
      warnings,
      async close() {
        await ledger.close();
        await connection.close();
      },
    };
  } catch (cause) {
    await connection.close();
    throw cause;
  }
}

export const rebuildParams = (connection: RedisConnection, prefix: string): Parameters<typeof beginRebuild>[0] => ({
  connection,
  prefix,
  binding,
  ledgerKey,
  ids: randomUUID,
});

/** The client of the connection to a single server. */
export function clientOf(connection: RedisConnection): Redis {
  const [node] = connection.nodes();
  if (node === undefined) throw new Error('no node');
  return node.client;
}

/** Speaks to the server beside the ledger, as a person who breaks or looks at things does. */
export async function asAdmin<T>(url: string, work: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(url, { maxRetriesPerRequest: 1 });
  try {
    return await work(client);
  } finally {
    client.disconnect();
  }
}

/** Whether this server can wait until a replica has a write: Redis 7.2 and later. */
export async function waitsForReplicas(url: string): Promise<boolean> {
  const info = await asAdmin(url, (client) => client.info('server'));
  const [, major = '0', minor = '0'] = /^redis_version:(\d+)\.(\d+)/m.exec(info) ?? [];
  return Number(major) > 7 || (Number(major) === 7 && Number(minor) >= 2);
}

export async function keysOf(client: Redis, prefix: string): Promise<string[]> {
  const found: string[] = [];
  let cursor = '0';
  do {
    const [next, names] = await client.scan(cursor, 'MATCH', `${prefix}:*`, 'COUNT', 1_000);
    cursor = next;
    found.push(...names);
  } while (cursor !== '0');
  return found;
}

export const removeKeys = (url: string, prefix: string): Promise<void> =>
  asAdmin(url, async (client) => {
    const names = await keysOf(client, prefix);
    for (let index = 0; index < names.length; index += 1_000) await client.unlink(...names.slice(index, index + 1_000));
  });
