/** What a process takes over of others that died, on a real ledger. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Ledger } from '../../../batches/ports/ledger.ts';
import { markAllInterrupted } from '../../../batches/pipeline/process-file.ts';
import { at, batchA, manifest, transitionSettings as settings } from '../../support/builders.ts';
import { admitted, intent, moved, recordIn, step } from '../../support/ledger-steps.ts';
import { makeDir, openIn, removeDir } from '../../src/ledger/data-dir.ts';

let dir: string;
let ledger: Ledger;
beforeEach(async () => {
  dir = makeDir();
  ledger = await openIn(dir);
  await ledger.openBatch(manifest(batchA));
});
afterEach(async () => {
  await ledger.close();
  removeDir(dir);
});

/** `intent` of the samples makes its intents as this one. */
const itsOwner = 'me';
const takeOverAs = (owner: string): Promise<void> =>
  markAllInterrupted({ ledger, owner, settings, clock: { now: () => at + 1_000 }, publisher: { notify: () => undefined } }, batchA);

/** A first send and a repeat, both under way. */
async function underWay(): Promise<void> {
  await recordIn(ledger, 'submitting', 'first', 2);
  const sent = await moved(ledger, intent(await admitted(ledger, 'again', 3)));
  const open = await moved(ledger, step(sent, { status: 'unknown', leaseOwner: null, leaseUntil: null, dueAt: at }));
  await moved(ledger, intent(open));
}

it('the sweeper takes over first sends and repeats of a crashed process, and both are due', async () => {
  await underWay();
  await takeOverAs('the next process');
  expect(await ledger.record('first')).toMatchObject({ status: 'unknown', leaseOwner: null, dueAt: at + 1_000 });
  expect(await ledger.record('again')).toMatchObject({ status: 'unknown', sends: 2, leaseOwner: null, dueAt: at + 1_000 });
});

it('leaves alone what it is sending itself, so that a file that is dropped again sends nothing beside it', async () => {
  await underWay();
  const before = [await ledger.record('first'), await ledger.record('again')];
  await takeOverAs(itsOwner);
  expect([await ledger.record('first'), await ledger.record('again')]).toEqual(before);
});
