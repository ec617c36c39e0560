/** A SQLite ledger that is exported into a sealed file and imported from it, item by item. */
import { changedGates, noTerms, openGates } from '../../../batches/record/gates.ts';
import { existsSync, statSync, writeFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createAuditChain } from '../../../batches/audit/hash-chain.ts';
import { isBalanced } from '../../../batches/record/tally.ts';
import { admit, createSqliteTarget, everyRecord, fill, movedInto, sourceIn, targetIn } from './moving.ts';
import { at, batchA, batchB, instructionOf, manifest, valid } from '../../support/builders.ts';
import { admitted, intent, moved, step } from '../../support/ledger-steps.ts';
import { decodeItem, encodeItem, type MovedItem } from '../../../src/ledger/moved-items.ts';
import { openSealedFile } from '../../../src/ledger/sealed-file.ts';
import { exportLedger } from '../../../src/profiles/move-ledger.ts';
import { ledgerKey, makeDir, openIn, removeDir } from './data-dir.ts';

let here: string;
let there: string;
beforeEach(() => {
  here = makeDir();
  there = makeDir();
});
afterEach(() => {
  removeDir(here);
  removeDir(there);
});

describe('a moved ledger', () => {
  it('has every record, trail, body, batch and total as it was, is balanced, and is paused as a whole', async () => {
    const before = await openIn(here);
    await fill(before);
    const seen = await Promise.all(
      everyRecord.map(async (id) => ({ record: await before.record(id), trail: await before.trail(id), body: await before.body(id) })),
    );
    const [batches, recount] = [await before.batches(), await before.recount()];
    await before.close();

    const results = await movedInto(here, there);
    const after = await openIn(there);
    try {
      for (const { record, trail, body } of seen) {
        const id = record?.recordId ?? '';
        const clocks = record?.sentClocks ? { ...record.sentClocks, uptimeMs: null } : null;
        expect(await after.record(id)).toEqual({ ...record, sentClocks: clocks });
        expect(await after.trail(id)).toEqual(trail);
        expect(await after.body(id)).toEqual(body);
      }
      expect(await after.batches()).toEqual(batches);
      const counted = await after.recount();
      expect(counted).toEqual(expect.arrayContaining([...(await after.tallies())]) as unknown);
      expect(isBalanced(counted)).toBe(true);
      expect(counted.find(({ status }) => status === 'received')).toEqual(recount.find(({ status }) => status === 'received'));
      const pauses = (await after.pauses()).map(({ batchId, code, by }) => [batchId, code, by]);
      expect(pauses.toSorted()).toEqual([
        [null, 'moved', 'carol'],
        [batchB, 'cancelled', 'bob'],
      ]);
      expect(await after.countUnsettledDuplicates({ batchId: batchA, exceptInProgress: false })).toBe(0);
      expect(new Set(results.map(({ event_id: id }) => id)).size).toBe(results.length);
      const told = new Set(results.map(({ record_id: id, status }) => `${id} ${status}`));
      const silent = ['r-queued', 'r-free'];
      for (const { record } of seen)
        expect(told.has(`${record?.recordId} ${record?.status}`)).toBe(!silent.includes(record?.recordId ?? ''));
      expect(told.has('r-submitting unknown')).toBe(true);
    } finally {
      await after.close();
    }
  });

  it('knows every occurrence: none is admitted again', async () => {
    const before = await openIn(here);
    await fill(before);
    await before.close();
    await movedInto(here, there);
    const after = await openIn(there);
    try {
      const tallies = await after.tallies();
      expect(await admit(after, 30, valid(instructionOf('r-new')))).toMatchObject({ type: 'settled', status: 'rejected', fresh: false });
      expect(await admit(after, 32, valid(instructionOf('r-succeeded')))).toMatchObject({ status: 'duplicate', fresh: false });
      expect(await admit(after, 33, valid(instructionOf('r-succeeded')))).toMatchObject({ status: 'conflict', fresh: false });
      expect(await admit(after, 6, valid(instructionOf('r-succeeded')))).toMatchObject({ status: 'succeeded', fresh: false });
      expect(await admit(after, 2, valid(instructionOf('r-queued')))).toMatchObject({ type: 'admitted' });
      expect(await after.tallies()).toEqual(tallies);
      expect((await after.recordOfSession('ps_r-succeeded'))?.recordId).toBe('r-succeeded');
    } finally {
      await after.close();
    }
  });

  it('makes a send without an outcome an open one, with an entry behind the whole trail that it had', async () => {
    const before = await openIn(here);
    await fill(before);
    const trail = await before.trail('r-submitting');
    await before.close();
    await movedInto(here, there);
    const after = await openIn(there);
    try {
      const record = await after.record('r-submitting');
      expect(record).toMatchObject({ status: 'unknown', reason: { code: 'send_interrupted' } });
      const entries = await after.trail('r-submitting');
      expect(entries.slice(0, trail.length)).toEqual(trail);
      expect(entries.length).toBeGreaterThan(trail.length);
      const published = entries.map(({ number, hash }) => ({ number, hash }));
      const verified = createAuditChain(ledgerKey).verify('r-submitting', { entries, head: record?.audit ?? null, published });
      expect(verified).toEqual({ type: 'whole', from: 1 });
    } finally {
      await after.close();
    }
  });

  it('takes no intent before it is resumed', async () => {
    const before = await openIn(here);
    await fill(before);
    await before.close();
    await movedInto(here, there);
    const after = await openIn(there);
    try {
      const record = await after.record('r-queued');
      if (record === undefined) throw new Error('it is not there');
      const [first] = await after.advance([intent(record)]);
      expect(first).toMatchObject({ ok: false, why: 'paused', pause: { code: 'moved' } });
      await after.setPause({ batchId: null, pause: null });
      expect(await after.advance([intent(record)])).toEqual([{ ok: true }]);
    } finally {
      await after.close();
    }
  });

  it('keeps gates, approvals and what was sent of the limit of a day', async () => {
    const before = await openIn(here);
    await before.openBatch({ ...manifest(batchA), at });
    const gates = changedGates(null, {
      by: 'alice',
      reason: 'start',
      at,
      to: { ...openGates, approval: 'required', maxDayTotal: { EUR: '2460' } },
    });
    await before.setGates(gates, 0);
    const terms = { ...noTerms, number: 1, approval: { by: 'bob', reason: 'checked', at, hash: 'h' } };
    await before.setTerms({ batchId: batchA, terms, expected: 0 });
    const [one, two, three] = [await admitted(before, 'r-1', 2), await admitted(before, 'r-2', 3), await admitted(before, 'r-3', 4)];
    await moved(before, intent(one));
    await before.close();
    await movedInto(here, there);
    const after = await openIn(there);
    try {
      expect(await after.gates()).toEqual(gates);
      expect(await after.terms(batchA)).toEqual(terms);
      await after.setPause({ batchId: null, pause: null });
      expect(await after.advance([intent(two)])).toEqual([{ ok: true }]);
      expect(await after.advance([intent(three)])).toMatchObject([{ why: 'held', hold: { code: 'day_total_reached' } }]);
    } finally {
      await after.close();
    }
  });

  it('never makes an open send younger: on a machine whose clock is behind, it is never resent', async () => {
    const before = await openIn(here, { clock: { now: () => at } });
    await before.openBatch({ ...manifest(batchA), at });
    const sent = await moved(before, intent(await admitted(before, 'r-open', 2)));
    await moved(before, step(sent, { status: 'unknown', keyLifetimeMs: 43_200_000 }));
    await before.close();
    await movedInto(here, there);
    const later = at - 3_600_000;
    const after = await openIn(there, { clock: { now: () => later } });
    try {
      expect(after.now()).toBeGreaterThanOrEqual(at);
      await after.setPause({ batchId: null, pause: null });
      const record = await after.record('r-open');
      if (record === undefined) throw new Error('it is not there');
      const resend = { ...record, version: record.version + 1, sends: 2 };
      const clocks = { wallAt: later, uptimeMs: null };
      const change = { expected: record.version, after: resend, intent: { marginMs: 0, clocks } };
      expect(await after.advance([change as never])).toMatchObject([{ ok: false, why: 'too_old' }]);
    } finally {
      await after.close();
    }
  });
});

describe('an export', () => {
  it('leaves its source as it was when the file cannot be written', async () => {
    const ledger = await openIn(here);
    await fill(ledger);
    await ledger.close();
    const path = join(there, 'no-such-folder', 'moved.ledger');
    await expect(exportLedger({ source: await sourceIn(here), path, ledgerKey, salt: Buffer.alloc(32, 1) })).rejects.toMatchObject({
      exitCode: 1,
    });
    await (await openIn(here)).close();
  });

  it('that ends between the note in its source and the end of its file leaves no whole file, and can be made again', async () => {
    const ledger = await openIn(here);
    await fill(ledger);
    await ledger.close();
    const path = join(there, 'moved.ledger');
    const source = await sourceIn(here);
    const dying = {
      ...source,
      async markMoved(to: string) {
        await source.markMoved(to);
        throw new Error('the process dies here');
      },
    };
    await expect(exportLedger({ source: dying, path, ledgerKey, salt: Buffer.alloc(32, 1) })).rejects.toThrow('dies here');
    expect(existsSync(path)).toBe(false);
    await expect(openSealedFile(`${path}.part`, ledgerKey).verify()).rejects.toThrow('is not a whole export');
    await expect(openIn(here)).rejects.toMatchObject({ code: 'ledger_moved', exitCode: 1 });
    const again = await exportLedger({ source: await sourceIn(here), path, ledgerKey, salt: Buffer.alloc(32, 2) });
    expect(again.exportId).toBe(source.exportId);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('is refused while a process has the ledger', async () => {
    const ledger = await openIn(here);
    await expect(sourceIn(here)).rejects.toMatchObject({ code: 'ledger_held' });
    await ledger.close();
  });
});

describe('an import', () => {
  it('that ends early leaves a ledger that nothing is paid from, and begins again from nothing', async () => {
    const ledger = await openIn(here);
    await fill(ledger);
    await ledger.close();
    const path = join(there, 'moved.ledger');
    await exportLedger({ source: await sourceIn(here), path, ledgerKey, salt: Buffer.alloc(32, 1) });
    const target = await targetIn(there);
    const items = [...openSealedFile(path, ledgerKey).items()];
    await target.write(items.slice(0, 6));
    await target.close();
    await expect(openIn(there)).rejects.toMatchObject({
      code: 'ledger_incomplete',
      message: expect.stringContaining('its import did not end') as string,
    });
    await expect(sourceIn(there)).rejects.toMatchObject({ code: 'ledger_incomplete' });
    const results = await createSqliteTarget(there, path);
    expect(results.length).toBeGreaterThan(0);
    await (await openIn(there)).close();
  });

  it('of a file that ends after some chunks is refused before anything is made', async () => {
    const path = join(here, 'bad.ledger');
    const items: MovedItem[] = Array.from({ length: 3_000 }, (_, index) => ({ type: 'loose', recordId: `r-${index}`, sequence: 1 }));
    await exportLedger({
      source: { exportId: 'e', items: () => items, markMoved: async () => undefined, close: async () => undefined },
      path,
      ledgerKey,
      salt: Buffer.alloc(32, 3),
    });
    const bytes = readFileSync(path);
    expect(await openSealedFile(path, ledgerKey).verify()).toMatchObject({ counts: { loose: 3_000 } });
    const headEnd = bytes.indexOf(0x0a) + 1;
    const first = 4 + bytes.readUInt32BE(headEnd);
    const swapped = Buffer.concat([
      bytes.subarray(0, headEnd),
      bytes.subarray(headEnd + first, headEnd + 2 * first),
      bytes.subarray(headEnd, headEnd + first),
      bytes.subarray(headEnd + 2 * first),
    ]);
    for (const bad of [
      bytes.subarray(0, headEnd + first),
      swapped,
      Buffer.concat([bytes.subarray(0, headEnd), bytes.subarray(headEnd + first)]),
    ]) {
      writeFileSync(path, bad);
      await expect(openSealedFile(path, ledgerKey).verify()).rejects.toThrow('is not a whole export');
    }
  });
});

describe('an item of an export', () => {
  it('is the same after it was written and read, amounts above 2^53 and absent members included', () => {
    const items: MovedItem[] = [
      { type: 'tallies', batchId: 'b', rows: [{ status: 'received', currency: 'EUR', count: 3, amountMinor: 2n ** 70n }] },
      { type: 'occurrence', stream: 's', position: 1, status: 'rejected', shard: 3, counted: null },
    ];
    for (const item of items) expect(decodeItem(encodeItem(item))).toEqual(item);
  });
});
