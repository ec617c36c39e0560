import { describe, expect, it } from 'vitest';
import { createParkedSweeper, createPauseWatch } from '../../../batches/pipeline/pause-watch.ts';
import { changedGates, noTerms, valuesOf } from '../../../batches/record/gates.ts';
import { park } from '../../../batches/record/parking.ts';
import type { Pause } from '../../../batches/record/pause.ts';
import { createMemoryStore, openMemoryLedger } from '../../../src/ledger/memory/ledger.ts';
import { at, batchA, keys, manifest, transitionSettings } from '../../support/builders.ts';
import { admitted, moved } from '../../support/ledger-steps.ts';

const pause = (code: Pause['code']): Pause => ({ code, by: 'alice', reason: 'wrong file', at });

/** A record that was parked by a process that knew of a pause of everything, and not yet of what is so now. */
async function parkedRecord(now: Pause | null) {
  const clock = { now: () => at };
  const ledger = openMemoryLedger({ store: createMemoryStore(), rules: { keys, audit: transitionSettings.audit }, clock, owner: 'me' });
  await ledger.openBatch({ ...manifest(batchA), at });
  const queued = await admitted(ledger, 'inv-1', 2);
  const reason = { code: 'paused', description: 'It waits.' } as const;
  const change = park(transitionSettings, queued, { reason, bytes: Buffer.from('{}'), at });
  if (change === null) throw new Error('it is parked');
  await moved(ledger, change);
  if (now !== null) await ledger.setPause({ batchId: batchA, pause: now });
  let ended = 0;
  const deps = { ledger, clock, settings: transitionSettings, onResumed: () => undefined, onEnded: () => void (ended += 1) };
  const publisher = { notify: () => void (ended += 1) };
  return { ledger, deps, publisher, ended: () => ended };
}

describe('a record that was parked when its batch had been cancelled already', () => {
  const cancelled = { status: 'cancelled', reason: { code: 'cancelled_by_operator' }, dueAt: null };

  it('ends by the watch of the process that parked it', async () => {
    const { ledger, deps, ended } = await parkedRecord(pause('cancelled'));
    const watch = createPauseWatch(deps);
    watch.parked(batchA);
    await watch.tick();
    expect(await ledger.record('inv-1')).toMatchObject(cancelled);
    const events = await ledger.outbox({ limit: 10 });
    expect(events.map(({ json }) => (JSON.parse(json) as { readonly status: string }).status)).toEqual(['queued', 'cancelled']);
    expect(ended()).toBe(1);
  });

  it('ends at the start of another process, when the one that parked it has died', async () => {
    const { ledger, deps, publisher, ended } = await parkedRecord(pause('cancelled'));
    await createParkedSweeper({ ...deps, publisher }).tick();
    expect(await ledger.record('inv-1')).toMatchObject(cancelled);
    expect(ended()).toBe(1);
  });
});

describe('a parked record', () => {
  it('is due when nothing pauses its batch', async () => {
    const { ledger, deps } = await parkedRecord(null);
    const watch = createPauseWatch(deps);
    watch.parked(batchA);
    await watch.tick();
    expect(await ledger.record('inv-1')).toMatchObject({ status: 'queued', dueAt: at });
  });

  it('waits while its batch is paused', async () => {
    const { ledger, deps } = await parkedRecord(pause('paused'));
    const watch = createPauseWatch(deps);
    watch.parked(batchA);
    await watch.tick();
    expect(await ledger.record('inv-1')).toMatchObject({ status: 'queued', reason: { code: 'paused' }, dueAt: null });
  });
});

describe('the hold of a batch that awaits an approval', () => {
  it('ends with the approval in the ledger, while what is remembered is from before', async () => {
    const { ledger, deps } = await parkedRecord(null);
    const to = valuesOf({ maxBatchTotal: {}, maxDayTotal: {}, approval: 'required', confirm: 'match' });
    await ledger.setGates(changedGates(null, { by: 'alice', reason: 'rule', at, to }), 0);
    const watch = createPauseWatch(deps);
    expect(await watch.holdOf(batchA)).toEqual({ code: 'awaiting_approval' });
    const approval = { by: 'bob', reason: 'checked', at, hash: 'h' };
    const { number } = await ledger.terms(batchA);
    expect(await ledger.setTerms({ batchId: batchA, terms: { ...noTerms, number: number + 1, approval }, expected: number })).toBe(true);
    expect(await watch.holdOf(batchA)).toBeNull();
  });
});

describe('what is remembered of a pause or of a rule', () => {
  it('holds no record after the end of it in the ledger', async () => {
    const { ledger, deps } = await parkedRecord(pause('paused'));
    const to = valuesOf({ maxBatchTotal: {}, maxDayTotal: {}, approval: 'required', confirm: 'match' });
    await ledger.setGates(changedGates(null, { by: 'alice', reason: 'rule', at, to }), 0);
    const watch = createPauseWatch(deps);
    expect(await watch.of(batchA)).toMatchObject({ code: 'paused' });
    expect(await watch.holdOf(batchA)).toEqual({ code: 'awaiting_approval' });
    await ledger.setPause({ batchId: batchA, pause: null });
    const gates = await ledger.gates();
    const free = valuesOf({ maxBatchTotal: {}, maxDayTotal: {}, approval: 'none', confirm: 'match' });
    await ledger.setGates(changedGates(gates, { by: 'alice', reason: 'rule', at, to: free }), gates?.number ?? 0);
    expect(await watch.of(batchA)).toBeUndefined();
    expect(await watch.holdOf(batchA)).toBeNull();
  });
});
