import { readdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LedgerBindingError, LedgerHeldError, LedgerMissingError } from '../../../../src/ledger/errors.ts';
import type { SqliteLedger } from '../../../../src/ledger/sqlite/ledger.ts';
import { admission, batchA, instructionOf, lineOf, manifest, valid } from '../../../support/builders.ts';
import { admitted, step } from '../../../support/ledger-steps.ts';
import { binding, makeDir, openThreadedIn, removeDir } from '../data-dir.ts';

let dir: string;
const opened: SqliteLedger[] = [];
const open = async (patch: Parameters<typeof openThreadedIn>[1] = {}): Promise<SqliteLedger> => {
  const ledger = await openThreadedIn(dir, patch);
  opened.push(ledger);
  return ledger;
};
beforeEach(() => {
  dir = makeDir();
});
afterEach(async () => {
  for (const ledger of opened.splice(0)) await ledger.close();
  removeDir(dir);
});

const rows = (count: number) =>
  Array.from({ length: count }, (_, index) => admission(lineOf(batchA, index + 2), valid(instructionOf(`inv-${index}`))));

describe('a ledger on a thread of its own', () => {
  it('is held by one owner until its thread has ended', async () => {
    const ledger = await open();
    await expect(open()).rejects.toThrow(LedgerHeldError);
    const closing = ledger.close();
    await expect(open()).rejects.toThrow(LedgerHeldError);
    await closing;
    expect(readdirSync(dir).toSorted()).toEqual(['ledger.lock', 'ledger.sqlite']);
    await open();
  });

  it('is refused with the error that a ledger without a thread has, and is then free', async () => {
    await expect(open({ mayCreate: false })).rejects.toThrow(LedgerMissingError);
    await (await open()).close();
    await expect(open({ binding: { ...binding, project: 'other' } })).rejects.toThrow(LedgerBindingError);
    await open();
  });

  it('answers the changes of one record in their order, and refuses what was decided on an older version', async () => {
    const ledger = await open();
    await ledger.openBatch(manifest(batchA));
    let record = await admitted(ledger, 'inv-1', 2);
    const answered: number[] = [];
    const changes = Array.from({ length: 600 }, (_, checks) => {
      const change = step(record, { checks });
      record = change.after;
      return change;
    });
    const results = await Promise.all(
      changes.map(async (change) => {
        const [result] = await ledger.advance([change]);
        answered.push(change.after.version);
        return result;
      }),
    );
    expect(results.every((result) => result?.ok === true)).toBe(true);
    expect(answered).toEqual(changes.map(({ after }) => after.version));
    expect(await ledger.advance(changes.slice(3, 4))).toEqual([{ ok: false, why: 'moved', current: record }]);
  });

  it('writes everything that waits when it is closed, and takes nothing more', async () => {
    const ledger = await open();
    await ledger.openBatch(manifest(batchA));
    const waiting = rows(1_500).map((row) => ledger.admit([row]));
    const closing = ledger.close();
    await expect(ledger.admit(rows(1))).rejects.toThrow('closed');
    await closing;
    expect((await Promise.all(waiting)).flat().every(({ type }) => type === 'admitted')).toBe(true);
    const again = await open();
    expect(await again.list({ batchId: batchA, status: 'queued', limit: 2_000 })).toHaveLength(1_500);
  });

  it('rejects one change that no rule can have decided, and writes the others of the call', async () => {
    const ledger = await open();
    await ledger.openBatch(manifest(batchA));
    const first = await admitted(ledger, 'inv-1', 2);
    const second = await admitted(ledger, 'inv-2', 3);
    const wrong = { ...step(first, { checks: 1 }), expected: 7 };
    await expect(ledger.advance([wrong, step(second, { checks: 1 })])).rejects.toThrow(TypeError);
    expect(await ledger.record('inv-1')).toEqual(first);
    expect(await ledger.record('inv-2')).toMatchObject({ checks: 1 });
  });

  it('refuses a caller without a bound', async () => {
    const ledger = await open();
    const reads = Array.from({ length: 65_536 }, () => ledger.publishedMark());
    await expect(ledger.publishedMark()).rejects.toThrow('65536 calls are waiting');
    await Promise.all(reads);
  });
});
