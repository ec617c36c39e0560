import { expect, it } from 'vitest';
import { admitOne, advanceOne } from '../../../../batches/ports/single.ts';
import { createMemoryStore, openMemoryLedger, restoreMemoryStore, type CarryWrite } from '../../../../src/ledger/memory/ledger.ts';
import { admission, at, batchA, instructionOf, lineOf, manifest, transitionSettings, valid } from '../../../support/builders.ts';
import { admitted, intent } from '../../../support/ledger-steps.ts';

const open = (store = createMemoryStore(), carry?: CarryWrite) => ({
  store,
  ledger: openMemoryLedger({
    store,
    rules: transitionSettings,
    clock: { now: () => at },
    owner: 'one',
    ...(carry === undefined ? {} : { carry }),
  }),
});

/** Fails the next write of this name, before or after it takes effect. */
function failing() {
  let next: { readonly name: string; readonly when: 'before' | 'after' } | undefined;
  const carry: CarryWrite = async (name, apply) => {
    const fault = next?.name === name ? next.when : undefined;
    if (fault !== undefined) next = undefined;
    if (fault === 'before') throw new Error('the write was lost');
    const result = apply();
    if (fault === 'after') throw new Error('the answer was lost');
    return result;
  };
  return { carry, failNext: (name: string, when: 'before' | 'after') => (next = { name, when }) };
}

it('a write that is lost changes nothing, and one whose answer is lost took effect', async () => {
  const { carry, failNext } = failing();
  const { ledger } = open(createMemoryStore(), carry);
  await ledger.openBatch(manifest(batchA));
  const asked = admission(lineOf(batchA, 2), valid(instructionOf('inv-1')));
  failNext('admit', 'before');
  await expect(admitOne(ledger, asked)).rejects.toThrow('the write was lost');
  expect(await ledger.record('inv-1')).toBeUndefined();
  failNext('admit', 'after');
  await expect(admitOne(ledger, asked)).rejects.toThrow('the answer was lost');
  const record = await ledger.record('inv-1');
  expect(record).toMatchObject({ status: 'queued', version: 1 });
  expect(await admitOne(ledger, asked)).toEqual({ type: 'admitted', record });
});

it('a store that is put back to a snapshot has forgotten what came later, for every instance on it', async () => {
  const { store, ledger } = open();
  const other = openMemoryLedger({ store, rules: transitionSettings, clock: { now: () => at }, owner: 'other' });
  await ledger.openBatch(manifest(batchA));
  const queued = await admitted(ledger, 'inv-1', 2);
  const snapshot = structuredClone(store);
  await advanceOne(ledger, intent(queued));
  await admitted(ledger, 'inv-2', 3);
  expect((await other.tallies(batchA)).map(({ status }) => status)).toEqual(['received', 'queued', 'submitting']);

  restoreMemoryStore(store, snapshot);
  for (const one of [ledger, other]) {
    expect(await one.record('inv-1')).toEqual(queued);
    expect(await one.record('inv-2')).toBeUndefined();
    expect((await one.tallies(batchA)).map(({ status, count }) => [status, count])).toEqual([
      ['received', 1],
      ['queued', 1],
    ]);
  }
  // The snapshot itself stays as it is, for the next time.
  await advanceOne(ledger, intent(queued));
  restoreMemoryStore(store, snapshot);
  expect(await other.record('inv-1')).toEqual(queued);
});

it('a caller that changes what it handed in changes nothing in the store', async () => {
  const { ledger } = open();
  await ledger.openBatch(manifest(batchA));
  const queued = await admitted(ledger, 'inv-1', 2);
  const bytes = Buffer.from('{"a":1}');
  await advanceOne(ledger, intent(queued, bytes));
  bytes.fill(0);
  expect(Buffer.from((await ledger.body('inv-1')) ?? []).toString()).toBe('{"a":1}');
});
