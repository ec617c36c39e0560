/**
 * What an ordinary payout costs Redis: admitted, intent, succeeded, published, by the calls that an instance makes.
 *
 *   node bench/distributed/record-cost.ts [RECORDS] [AT ONCE] [joint]
 *
 * `joint`: each is admitted with its intent in one step, as an instance does with an event that may leave at once.
 */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { createAuditChain } from '../../batches/audit/hash-chain.ts';
import { admitOne, advanceOne } from '../../batches/ports/single.ts';
import { applyFirstSend } from '../../batches/record/apply-evidence.ts';
import type { Change } from '../../batches/record/change.ts';
import { readFirstSend } from '../../batches/record/evidence.ts';
import { recordIntent } from '../../batches/record/transitions.ts';
import type { Admission, LedgerRecord } from '../../batches/record/record.ts';
import { openRedisLedger, type RedisLedger } from '../../src/ledger/redis/ledger.ts';
import { connectRedis } from '../../src/redis/connection.ts';
import {
  admission,
  instructionOf,
  keys,
  manifest,
  session,
  templatePayout,
  transitionSettings,
  valid,
} from '../../test/support/builders.ts';
import { findRedis } from '../redis-server.ts';

const [records = 5_000, atOnce = 64] = process.argv.slice(2, 4).map(Number);
const isJoint = process.argv[4] === 'joint';
const batchId = 'may-refunds';
const topic = 'payouts.instructions';
const ledgerKey = Buffer.alloc(32, 7);
const settings = { ...transitionSettings, audit: createAuditChain(ledgerKey) };
const body = Buffer.from(JSON.stringify(templatePayout));
const publishedAtOnce = 50;

async function intentOf(ledger: RedisLedger, admitted: Admission, recordId: string): Promise<LedgerRecord> {
  const at = Date.now();
  const params = { owner: 'bench', at, clocks: { wallAt: at, uptimeMs: 1 }, leaseMs: 50_000, bytes: body };
  if (isJoint) {
    const { keyLifetimeMs, idempotencyHeader, timeoutMs } = settings;
    const idempotencyKey = keys.idempotencyKey('payout', recordId, 1);
    const terms = { keyLifetimeMs, idempotencyHeader, timeoutMs };
    const verdict = await ledger.admitWithIntent(admitted, { ...params, idempotencyKey, terms });
    if (verdict?.type !== 'intended') throw new Error(`${recordId} is ${verdict?.type}`);
    return verdict.record;
  }
  const verdict = await admitOne(ledger, admitted);
  if (verdict.type !== 'admitted') throw new Error(`${recordId} is ${verdict.type}`);
  const change = recordIntent(verdict.record, { ...params, terms: settings });
  await write(ledger, change);
  return change.after;
}

async function payOne(ledger: RedisLedger, index: number): Promise<void> {
  const recordId = `pay-${String(index).padStart(6, '0')}`;
  const [partition, offset] = [index % 12, Math.floor(index / 12)];
  const occurrence = { stream: `topic:${topic}:${partition}`, position: offset, source: { topic, partition, offset: String(offset) } };
  const amountMinor = BigInt(1_000 + ((index * 37) % 90_000));
  const intent = await intentOf(ledger, admission(occurrence, valid(instructionOf(recordId, { amountMinor })), batchId), recordId);
  const shown = session({
    id: `ps_${recordId}`,
    status: 'accepted',
    entryStatus: 'succeeded',
    amount: Number(amountMinor),
    metadata: { record_id: recordId, attempt: 1 },
  });
  const evidence = readFirstSend({ type: 'answer', httpStatus: 200, json: { ok: true, session: shown } }, intent);
  await write(ledger, applyFirstSend(settings, intent, { intent, evidence, at: Date.now() }));
}

async function write(ledger: RedisLedger, change: Change | null): Promise<void> {
  if (change === null || !(await advanceOne(ledger, change)).ok) throw new Error('a step was not written');
}

async function publish(ledger: RedisLedger): Promise<void> {
  const events = await ledger.outbox({ limit: 10_000 });
  if (events.length > 0) await ledger.published({ numbers: events.map(({ number }) => number), mark: null });
}

async function payAll(ledger: RedisLedger, count: number, from: number): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      const index = next++;
      await payOne(ledger, from + index);
      if (index % publishedAtOnce === 0) await publish(ledger);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  await publish(ledger);
}

async function readings(client: Redis): Promise<Record<'cpu' | 'in' | 'aof' | 'commands', number>> {
  const info = await client.info('all');
  const figure = (name: string): number => Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(info)?.[1] ?? 0);
  // The commands inside the scripts: all but the scripts themselves.
  const calls = [...info.matchAll(/^cmdstat_(?!eval)\w+:calls=(\d+)/gm)].reduce((sum, [, count]) => sum + Number(count), 0);
  const cpu = (figure('used_cpu_user') + figure('used_cpu_sys')) * 1e6;
  return { cpu, in: figure('total_net_input_bytes'), aof: figure('aof_current_size'), commands: calls };
}

const redis = await findRedis();
if (redis === undefined) throw new Error('there is no Redis: set REDIS_URL');
const folder = await mkdtemp(join(tmpdir(), 'disburse-bench-'));
const server = await redis.start(folder);
const onWarning = (message: string): void => console.error(message);
const admin = new Redis(server.url);
const connection = await connectRedis({ url: server.url, onWarning });
const ledger = await openRedisLedger({
  ...{ connection, prefix: `bench-${randomUUID().slice(0, 8)}`, ledgerKey, keys, ids: randomUUID, onWarning },
  binding: { gateway: 'http://127.0.0.1:4010', project: 'shop', idempotencyHeader: 'X-PARTNER-IDEMPOTENCY-KEY' },
  ...{ mayCreate: true, marksSeen: [], hasResults: false, allow: { unsafe: false } },
});
await ledger.openBatch(manifest(batchId));
await payAll(ledger, 100, 900_000);
const before = await readings(admin);
const own = process.cpuUsage();
await payAll(ledger, records, 0);
const after = await readings(admin);
const { user, system } = process.cpuUsage(own);
const each = (name: keyof typeof before): number => (after[name] - before[name]) / records;
console.log(redis.description);
console.log(`${records} records, ${atOnce} at once; a record:`);
console.log(`Redis: ${each('cpu').toFixed(0)} us of CPU, ${each('commands').toFixed(1)} commands in its scripts`);
console.log(`${each('in').toFixed(0)} bytes to Redis, ${each('aof').toFixed(0)} bytes in its append-only file`);
console.log(`This process: ${((user + system) / records).toFixed(0)} us of CPU`);
await ledger.close();
await connection.close();
admin.disconnect();
await server.stop();
await rm(folder, { recursive: true, force: true });
