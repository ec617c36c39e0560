import type * as fs from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { beforeEach, afterEach, expect, it, vi } from 'vitest';
import { admission, batchA, instructionOf, lineOf, manifest, valid } from '../../../support/builders.ts';
import { LedgerWriteError } from '../../../../src/ledger/errors.ts';
import { makeDir, openIn, removeDir } from '../data-dir.ts';

type Done = (error: NodeJS.ErrnoException | null) => void;

/** Syncs of the log that wait to be ended; undefined: none is held. */
let held: Done[] | undefined;
vi.mock('node:fs', async (importOriginal) => {
  const original = await importOriginal<typeof fs>();
  const fdatasync = (fd: number, done: Done): void => {
    if (held === undefined) original.fdatasync(fd, done);
    else held.push(done);
  };
  return { ...original, fdatasync };
});

let dir: string;
beforeEach(() => {
  dir = makeDir();
  held = undefined;
});
afterEach(() => removeDir(dir));

const admissionOf = (recordId: string) => admission(lineOf(batchA, 2), valid(instructionOf(recordId)));
const openWithBatch = async () => {
  const ledger = await openIn(dir);
  await ledger.openBatch(manifest(batchA));
  return ledger;
};
const pause = async (): Promise<void> => {
  for (let count = 0; count < 50; count += 1) await turn();
};

it('an admission is answered, and readers see it, only when the log is on the disk', async () => {
  const ledger = await openWithBatch();
  held = [];
  const seen: string[] = [];
  const admitted = ledger.admit([admissionOf('p-1')]).then(() => seen.push('admitted'));
  await pause();
  const reading = ledger.record('p-1').then((record) => seen.push(`read ${record?.status}`));
  await pause();
  expect([seen, held.length]).toEqual([[], 1]);
  held.shift()?.(null);
  await Promise.all([admitted, reading]);
  expect(seen.toSorted()).toEqual(['admitted', 'read queued']);
  held = undefined;
  await ledger.close();
});

it('a disk that fails to sync leaves an admission unanswered as written or not written, and the ledger takes nothing more', async () => {
  const ledger = await openWithBatch();
  held = [];
  const admitting = ledger.admit([admissionOf('p-1')]);
  admitting.catch(() => undefined);
  await pause();
  held.shift()?.(Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' }));
  held = undefined;
  await expect(admitting).rejects.toBeInstanceOf(LedgerWriteError);
  await expect(ledger.record('p-1')).rejects.toThrow('ledger.sqlite-wal could not be written (EIO');
  await expect(ledger.admit([admissionOf('p-2')])).rejects.toBeInstanceOf(LedgerWriteError);
  await ledger.close();
});
