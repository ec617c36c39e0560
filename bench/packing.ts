/**
 * Bytes in Redis per ended record, before and after it is packed at the end of LEDGER_RETENTION: everything in the server,
 * divided by the records. Run it with `node bench/packing.ts [--records N] [--ids short|uuid|long] [--batches N]`.
 *
 * The records are written as an import writes them: with a trail of four entries, a session that is claimed, and the occurrence.
 */
import { hash, randomBytes, randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { Redis } from 'ioredis';
import type { AuditHead } from '../batches/audit/audit-entry.ts';
import { queuedRecord } from '../batches/record/admission.ts';
import type { LedgerRecord } from '../batches/record/record.ts';
import { beginImport, finishImport } from '../src/ledger/redis/ledger.ts';
import type { MovedItem } from '../src/ledger/moved-items.ts';
import { connectRedis } from '../src/redis/connection.ts';
import { binding, openInstance, type Instance } from '../test/src/ledger/redis/harness.ts';
import { at, instructionOf, keys, lineOf, manifest, transitionSettings } from '../test/support/builders.ts';
import { startRedis } from '../test/support/redis-server.ts';

const { values } = parseArgs({
  options: {
    records: { type: 'string', default: '1000000' },
    ids: { type: 'string', default: 'short' },
    batches: { type: 'string', default: '10' },
  },
});
const records = Number(values.records);
const batches = Number(values.batches);
const atOnce = 1_000;
const prefix = 'disburse';
const notes = ['admitted', 'intent', 'answer', 'status_check'] as const;

const server = await startRedis({ args: ['--appendonly', 'no', '--save', ''] });
const admin = new Redis(server.url);
const connection = await connectRedis({ url: server.url, onWarning: () => undefined });
const write = (text: string): void => void process.stdout.write(`${text}\n`);
try {
  const empty = await memory();
  const ledger = await importing();
  for (let index = 0; index < batches; index += 1) await ledger.ledger.openBatch(manifest(batchIdOf(index)));
  const startedAt = performance.now();
  for (let from = 0; from < records; from += atOnce) {
    const numbers = Array.from({ length: Math.min(atOnce, records - from) }, (_, index) => from + index);
    await Promise.all(numbers.flatMap(itemsOf).map((item) => ledger.ledger.importItem(item)));
  }
  await ledger.close();
  await finishImport({ connection, prefix });
  const filled = await memory();
  write(`${records} ended records in ${batches} batches, ids as ${JSON.stringify(recordIdOf(1))}, Redis ${await version()}`);
  write(`written in ${seconds(startedAt)}; ${each(filled - empty)} bytes a record before`);

  const live = await openInstance(server.url, prefix, { mayCreate: false, allow: { unsafe: true } });
  const cpu = process.cpuUsage();
  const packingFrom = performance.now();
  const serverCpu = await cpuOf();
  let packed = 0;
  for (let count = 1; count > 0; packed += count) count = await live.ledger.purgeDetails({ olderThanMs: 0, limit: 2_000 });
  const { user, system } = process.cpuUsage(cpu);
  const spent = (await cpuOf()) - serverCpu;
  write(
    `${packed} packed in ${seconds(packingFrom)}: ${each(user + system)} µs CPU of the process and ${each(spent)} µs of Redis a record`,
  );
  const after = await memory();
  write(`${each(after - empty)} bytes a record after, ${await admin.dbsize()} keys`);
  for (const id of [1, records - 1].map(recordIdOf))
    if ((await live.ledger.record(id))?.status !== 'succeeded') throw new Error(`${id} is lost`);
  await live.close();
} finally {
  admin.disconnect();
  await connection.close();
  await server.stop();
}

async function importing(): Promise<Instance> {
  const ledgerKey = Buffer.alloc(32, 7);
  const none = { lineage: [], newest: 0, barrier: 0, marksSeen: [] };
  await beginImport({ connection, prefix, binding, ledgerKey, ids: randomUUID, mayCreate: true, ...none });
  return openInstance(server.url, prefix, { importing: true, mayCreate: false, allow: { unsafe: true } });
}

function batchIdOf(index: number): string {
  return hash('sha256', `batch ${index}`);
}

function recordIdOf(number: number): string {
  if (values.ids === 'uuid') return hash('sha1', `${number}`).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5');
  return values.ids === 'long' ? hash('sha256', `${number}`) : `inv-2026-${String(number).padStart(7, '0')}`;
}

function itemsOf(number: number): readonly MovedItem[] {
  const recordId = recordIdOf(number);
  const [batch, line] = [number % batches, Math.floor(number / batches) + 2];
  const amountMinor = BigInt(1_000 + (hash('sha1', `${number}`, 'buffer').readUInt32BE() % 500_000));
  const sessionId = `ps_${hash('sha1', `session ${number}`).slice(0, 20)}`;
  let head: AuditHead | null = null;
  const trail = notes.map((event) => {
    const step = transitionSettings.audit.append(head, recordId, { event, detail: { attempt: 1, session_id: sessionId } }, at);
    head = step.head;
    return step.entries[0] ?? { number: 0, text: '', hash: '' };
  });
  const occurrence = lineOf(batchIdOf(batch), line);
  const draft = instructionOf(recordId, { amountMinor });
  const record: LedgerRecord = {
    ...queuedRecord(keys, { occurrence, batchId: batchIdOf(batch), draft, fingerprint: randomBytes(32).toString('base64url') }),
    ...{ status: 'succeeded', sequence: 2, version: 4, firstSentAt: at, sends: 1, sessionId, isSessionProven: true },
    ...{ entryId: `po_${number}`, idempotencyHeader: binding.idempotencyHeader, keyLifetimeMs: 43_200_000, audit: head },
  };
  const fields = { paths: 'amount_details.amount\ndescription', digests: Buffer.alloc(16, number % 256).toString('base64') };
  const ended = at - 86_400_000 + number;
  const times = { admittedAt: ended, changedAt: ended, endedAt: ended };
  return [
    { type: 'record', record, order: number, ...times, fields, trail, body: null },
    { type: 'session', sessionId, recordId },
  ];
}

async function memory(): Promise<number> {
  const info = await admin.info('memory');
  return Number(/used_memory:(\d+)/.exec(info)?.[1] ?? 0);
}

async function cpuOf(): Promise<number> {
  const info = await admin.info('cpu');
  const of = (name: string): number => Number(new RegExp(`${name}:([\\d.]+)`).exec(info)?.[1] ?? 0) * 1e6;
  return of('used_cpu_user') + of('used_cpu_sys');
}

async function version(): Promise<string> {
  return /redis_version:(\S+)/.exec(await admin.info('server'))?.[1] ?? '';
}

function seconds(startedAt: number): string {
  return `${((performance.now() - startedAt) / 1_000).toFixed(0)} s`;
}

function each(total: number): string {
  return (total / records).toFixed(1);
}
