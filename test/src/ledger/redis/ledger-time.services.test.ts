/** Redis TIME that goes back under the ledger, as after a step of the host's clock or a failover to a host that is behind. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { advanceOne } from '../../../../batches/ports/single.ts';
import type { LedgerRecord } from '../../../../batches/record/record.ts';
import { recordIntent } from '../../../../batches/record/transitions.ts';
import { createKeyNames, shardOf, shards } from '../../../support/ledger-names.ts';
import type { LedgerTimeSeen } from '../../../../src/ledger/redis/script-client.ts';
import { batchA, manifest, transitionSettings } from '../../../support/builders.ts';
import { admitted, moved, step } from '../../../support/ledger-steps.ts';
import { patience } from '../../../support/patience.ts';
import { redisUrl, uniquePrefix } from '../../../support/services.ts';
import { asAdmin, openInstance, removeKeys, type Instance } from './harness.ts';

const recordId = 'inv-1';
const lifetimeMs = 3_600_000;
let prefix: string;
let instance: Instance;
const seen: LedgerTimeSeen[] = [];

beforeEach(async () => {
  prefix = uniquePrefix();
  seen.length = 0;
  instance = await openInstance(redisUrl(), prefix, { onTime: (time) => void seen.push(time) });
  await instance.ledger.openBatch(manifest(batchA));
});
afterEach(async () => {
  await instance.close();
  await removeKeys(redisUrl(), prefix);
});

const intentAt = (record: LedgerRecord, at: number) =>
  recordIntent(record, {
    owner: 'me',
    at,
    leaseMs: 60_000,
    bytes: Buffer.from('{}'),
    terms: { ...transitionSettings, keyLifetimeMs: lifetimeMs },
    clocks: { wallAt: Date.now(), uptimeMs: null },
  });
const openSend = async (id = recordId, line = 2): Promise<LedgerRecord> => {
  const sent = await moved(instance.ledger, intentAt(await admitted(instance.ledger, id, line), Date.now()));
  return moved(instance.ledger, step(sent, { status: 'unknown', leaseOwner: null, leaseUntil: null, dueAt: Date.now() }));
};

/** Moves the newest time that was written ahead, which to the ledger is the same as a TIME that went back. */
const setTimeBack = (ms: number): Promise<unknown> =>
  asAdmin(redisUrl(), async (client) => {
    const names = createKeyNames(prefix);
    for (const shard of shards) await client.hincrby(names.meta(shard), 'last', ms * 1_000);
  });

describe('a resend whose key seems young by Redis TIME alone', () => {
  const terms = { ...transitionSettings, keyLifetimeMs: 20_000, timeoutMs: 2_000 };
  /** Milliseconds before now: when the first send was made by the ledger's time and by the sender's wall clock. */
  const openSince = async (
    id: string,
    line: number,
    ages: { readonly ledgerMs: number; readonly wallMs: number },
  ): Promise<LedgerRecord> => {
    const now = Date.now();
    const queued = await admitted(instance.ledger, id, line);
    const sent = await moved(
      instance.ledger,
      recordIntent(queued, {
        owner: 'me',
        at: now - ages.ledgerMs,
        leaseMs: 60_000,
        bytes: Buffer.from('{}'),
        terms,
        clocks: { wallAt: now - ages.wallMs, uptimeMs: null },
      }),
    );
    return moved(instance.ledger, step(sent, { status: 'unknown', leaseOwner: null, leaseUntil: null, dueAt: now }));
  };
  const resend = (record: LedgerRecord, wallAheadMs: number) =>
    advanceOne(
      instance.ledger,
      recordIntent(record, {
        owner: 'me',
        at: Date.now(),
        leaseMs: 60_000,
        bytes: Buffer.from('{}'),
        terms,
        clocks: { wallAt: Date.now() + wallAheadMs, uptimeMs: null },
      }),
    );

  it("is refused by the caller's wall clock: newest write 2 s after the first send, 24 s down, and TIME 20 s back", async () => {
    const record = await openSince(recordId, 2, { ledgerMs: 4_000, wallMs: 4_000 });
    // TIME is ahead of the newest write, so that the floor notices nothing.
    const shard = shardOf(recordId);
    const meta = createKeyNames(prefix).meta(shard);
    await asAdmin(redisUrl(), (client) => client.hincrby(meta, 'last', -2_000_000));
    expect(await resend(record, 20_000)).toEqual({ ok: false, why: 'too_old', current: record });
    expect(await asAdmin(redisUrl(), (client) => client.hget(meta, 'barrier'))).toBeNull();
  });

  it('is refused by the clocks kept with the send, when TIME was ahead at the first send and both clocks are right now', async () => {
    const record = await openSince(recordId, 2, { ledgerMs: 4_000, wallMs: 24_000 });
    expect(await resend(record, 0)).toEqual({ ok: false, why: 'too_old', current: record });
  });

  it('is written while every clock shows that the gateway remembers the key', async () => {
    const record = await openSince(recordId, 2, { ledgerMs: 4_000, wallMs: 4_000 });
    expect(await resend(record, 0)).toEqual({ ok: true });
  });
});

describe('Redis TIME that went back', () => {
  it('does not let a send be resent that was made before', async () => {
    const record = await openSend();
    expect((await advanceOne(instance.ledger, intentAt(record, Date.now()))).ok).toBe(true);
    const other = await openSend('inv-2', 3);
    await setTimeBack(20_000);
    expect(await advanceOne(instance.ledger, intentAt(other, Date.now()))).toEqual({ ok: false, why: 'too_old', current: other });
    // Neither when time has passed, and by another instance.
    const next = await openInstance(redisUrl(), prefix);
    expect(await advanceOne(next.ledger, intentAt(other, Date.now()))).toMatchObject({ ok: false, why: 'too_old' });
    await next.close();
  });

  it('leaves what is sent from then on to be resent, by the time of the ledger', async () => {
    await setTimeBack(20_000);
    const queued = await admitted(instance.ledger, recordId, 2);
    const ledgerNow = seen.at(-1)?.nowMs ?? 0;
    const sent = await moved(instance.ledger, intentAt(queued, ledgerNow + 100));
    const open = await moved(instance.ledger, step(sent, { status: 'unknown', leaseOwner: null, leaseUntil: null }));
    expect((await advanceOne(instance.ledger, intentAt(open, ledgerNow + 200))).ok).toBe(true);
  });

  it('does not stop the time of the ledger, which continues with an offset that is never lowered', async () => {
    const other = await openSend('inv-2', 3);
    await setTimeBack(3_600_000);
    await moved(instance.ledger, step(other, {}));
    const shard = shardOf('inv-2');
    const before = seen.at(-1);
    expect(before?.offsetMs).toBeGreaterThan(3_500_000);
    expect((before?.nowMs ?? 0) - Date.now()).toBeGreaterThan(3_500_000);
    await new Promise((resolve) => setTimeout(resolve, 60));
    await moved(instance.ledger, step({ ...other, version: other.version + 1 }, { checks: 1 }));
    expect(seen.at(-1)?.nowMs).toBeGreaterThan((before?.nowMs ?? 0) + 30);
    const meta = await asAdmin(redisUrl(), (client) => client.hgetall(createKeyNames(prefix).meta(shard)));
    expect(Number(meta['offset'])).toBeGreaterThan(3_500_000);
    expect(Number(meta['barrier'])).toBeGreaterThan(Date.now() + 3_500_000);
  });

  it('noticed by one shard holds for all of them', async () => {
    const other = Array.from({ length: 100 }, (_, index) => `other-${index}`).find((id) => shardOf(id) !== shardOf(recordId)) ?? '';
    const record = await openSend(other, 3);
    await openSend();
    const names = createKeyNames(prefix);
    await asAdmin(redisUrl(), (client) => client.hincrby(names.meta(shardOf(recordId)), 'last', 20_000_000));
    await admitted(instance.ledger, recordId, 9, {}, batchA).catch(() => undefined);
    await vi.waitFor(async () => {
      const offset = await asAdmin(redisUrl(), (client) => client.hget(names.meta(shardOf(other)), 'offset'));
      expect(Number(offset)).toBeGreaterThan(19_000);
    }, patience);
    expect(await advanceOne(instance.ledger, intentAt(record, Date.now()))).toMatchObject({ ok: false, why: 'too_old' });
  });

  it('is kept by all shards once a process has opened the ledger, also if it is killed before it writes', async () => {
    const record = await openSend();
    const other = Array.from({ length: 100 }, (_, index) => `other-${index}`).find((id) => shardOf(id) !== shardOf(recordId)) ?? '';
    const elsewhere = await openSend(other, 3);
    const meta = createKeyNames(prefix).meta(shardOf(recordId));
    await asAdmin(redisUrl(), (client) => client.hincrby(meta, 'last', 20_000_000));
    const killed = await openInstance(redisUrl(), prefix);
    await killed.connection.close();
    // TIME has passed the newest time again.
    await asAdmin(redisUrl(), (client) => client.hincrby(meta, 'last', -20_000_000));
    const next = await openInstance(redisUrl(), prefix);
    for (const one of [record, elsewhere])
      expect(await advanceOne(next.ledger, intentAt(one, Date.now()))).toEqual({ ok: false, why: 'too_old', current: one });
    await next.close();
  });

  it('by less than the tolerance changes nothing', async () => {
    const record = await openSend();
    await setTimeBack(1_000);
    expect((await advanceOne(instance.ledger, intentAt(record, Date.now()))).ok).toBe(true);
  });
});
