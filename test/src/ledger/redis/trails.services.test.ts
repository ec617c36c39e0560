/** The audit trail of a record that several instances write, and that is purged. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readAuditEntry } from '../../../../batches/audit/audit-entry.ts';
import type { SharedLedger } from '../../../../batches/ports/ledger.ts';
import { admitOne, advanceOne } from '../../../../batches/ports/single.ts';
import { move, schedule } from '../../../../batches/record/step.ts';
import { createKeyNames, shardOf } from '../../../support/ledger-names.ts';
import { admission, at, batchA, batchB, instructionOf, lineOf, manifest, transitionSettings, valid } from '../../../support/builders.ts';
import { admitted, intent, moved } from '../../../support/ledger-steps.ts';
import { redisUrl, uniquePrefix } from '../../../support/services.ts';
import { asAdmin, openInstance, removeKeys, type Instance } from './harness.ts';

let prefix: string;
let opened: Instance[];
let one: SharedLedger;
let other: SharedLedger;

beforeEach(async () => {
  prefix = uniquePrefix();
  const instances = [await openInstance(redisUrl(), prefix), await openInstance(redisUrl(), prefix)] as const;
  opened = [...instances];
  [one, other] = [instances[0].ledger, instances[1].ledger];
  for (const batchId of [batchA, batchB]) await one.openBatch(manifest(batchId));
});
afterEach(async () => {
  await Promise.all(opened.map((instance) => instance.close()));
  await removeKeys(redisUrl(), prefix);
});

const recordOf = async (recordId = 'inv-1') => {
  const record = await one.record(recordId);
  if (record === undefined) throw new Error('no record');
  return record;
};
const eventsOf = async (recordId = 'inv-1'): Promise<unknown[]> =>
  (await one.trail(recordId)).map(({ text }) => readAuditEntry(text)?.event);
const verified = async (recordId = 'inv-1'): Promise<string> =>
  transitionSettings.audit.verify(recordId, { entries: await one.trail(recordId), head: (await recordOf(recordId)).audit, published: [] })
    .type;
const failed = async (recordId = 'inv-1', line = 2) => {
  const sent = await moved(one, intent(await admitted(one, recordId, line)));
  const patch = { status: 'failed', sessionId: `ps_${recordId}`, isSessionProven: true } as const;
  return moved(one, move(transitionSettings, sent, { patch, event: 'answer', at }));
};

describe('a trail that several instances append to', () => {
  it('has each step once, in the order of the versions, and is whole', async () => {
    await admitted(one, 'inv-1', 2);
    await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        admitOne(index % 2 === 0 ? one : other, admission(lineOf(batchB, index + 2), valid(instructionOf('inv-1')), batchB)),
      ),
    );
    expect(await eventsOf()).toEqual(['admitted', ...Array.from({ length: 20 }, () => 'duplicate')]);
    expect(await verified()).toBe('whole');
  });
});

describe('the purge of details beside another instance', () => {
  it('refuses a step that was decided on the trail before it, and the record as it is then shows the rest of it', async () => {
    const ended = await failed();
    await one.purgeDetails({ olderThanMs: 0, limit: 9 });
    const current = await recordOf();
    expect(current.version).toBe(ended.version);
    const late = move(transitionSettings, ended, {
      patch: { status: 'failed', resolvedBy: 'alice' },
      event: 'resolved',
      at,
      detail: { now: 1 },
    });
    expect(await advanceOne(other, late)).toEqual({ ok: false, why: 'moved', current });
    expect(await advanceOne(other, schedule(ended, { checks: 1 }))).toEqual({ ok: false, why: 'moved', current });
    await moved(other, move(transitionSettings, current, { patch: { status: 'failed' }, event: 'resolved', at, detail: { now: 1 } }));
    expect(await eventsOf()).toEqual(['retention', 'resolved']);
    expect(await verified()).toBe('whole');
  });

  it('takes the place of each trail once when instances purge at once', async () => {
    const ids = Array.from({ length: 12 }, (_, index) => `inv-${index}`);
    for (const [index, recordId] of ids.entries()) await failed(recordId, index + 2);
    const purged = await Promise.all([one, other, one, other].map((ledger) => ledger.purgeDetails({ olderThanMs: 0, limit: 99 })));
    expect(purged.reduce((sum, count) => sum + count, 0)).toBe(12);
    expect(await one.purgeDetails({ olderThanMs: 0, limit: 99 })).toBe(0);
    for (const recordId of ids) {
      expect(await eventsOf(recordId)).toEqual(['retention']);
      expect((await recordOf(recordId)).audit?.number).toBe(4);
      expect(await verified(recordId)).toBe('whole');
    }
  });

  it('loses nothing of a duplicate that arrives meanwhile', async () => {
    const ids = Array.from({ length: 12 }, (_, index) => `inv-${index}`);
    for (const [index, recordId] of ids.entries()) await failed(recordId, index + 2);
    await Promise.all([
      one.purgeDetails({ olderThanMs: 0, limit: 99 }),
      ...ids.map((recordId, index) => admitOne(other, admission(lineOf(batchB, index + 2), valid(instructionOf(recordId)), batchB))),
    ]);
    for (const recordId of ids) expect(await verified(recordId)).toBe('whole');
  });
});

it('the trail of an ordinary payout of four entries takes at most 500 bytes, its key included', async () => {
  const recordId = 'invoice-2026-11-0001';
  const batchId = '0123456789abcdef'.repeat(4);
  await one.openBatch(manifest(batchId));
  const content = valid(instructionOf(recordId));
  if (content.type !== 'valid') throw new Error(content.type);
  const fingerprint = 'fedcba9876543210'.repeat(4);
  const verdict = await admitOne(one, admission(lineOf(batchId, 23_412), { ...content, fingerprint }, batchId));
  if (verdict.type !== 'admitted') throw new Error(verdict.type);
  const sent = await moved(one, intent(verdict.record));
  const session = { sessionId: 'ps_8f3c0d2b7d6e4b1f9a77', isSessionProven: true };
  const open = await moved(one, move(transitionSettings, sent, { patch: { status: 'in_progress', ...session }, event: 'answer', at }));
  const entryId = 'pe_8f3c0d2b7d6e4b1f9a77';
  await moved(one, move(transitionSettings, open, { patch: { status: 'succeeded', entryId }, event: 'webhook', at }));
  expect(await eventsOf(recordId)).toEqual(['admitted', 'intent', 'answer', 'webhook']);
  const key = createKeyNames(prefix).trail(shardOf(recordId), recordId);
  const bytes = await asAdmin(redisUrl(), (client) => client.memory('USAGE', key));
  expect(bytes).toBeLessThanOrEqual(500);
});
