import { readFileSync, existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Ledger } from '../../../../batches/ports/ledger.ts';
import {
  LedgerBindingError,
  LedgerHeldError,
  LedgerKeyError,
  LedgerIncompleteError,
  LedgerMissingError,
  LedgerSchemaError,
} from '../../../../src/ledger/errors.ts';
import { acquireLock } from '../../../../src/ledger/sqlite/lock.ts';
import { openReader } from '../../../../src/ledger/sqlite/reader.ts';
import { admission, at, batchA, batchB, instructionOf, lineOf, manifest, valid } from '../../../support/builders.ts';
import { admitted, intent, moved, recordIn, step } from '../../../support/ledger-steps.ts';
import { binding, makeDir, openIn, removeDir } from '../data-dir.ts';
import type { JsonObject } from '../../../../batches/instruction/instruction.ts';
import { admitOne } from '../../../../batches/ports/single.ts';

/** Sends one record a second, from so many seconds on. */
async function sendOneASecond(ledger: Ledger, from: number, count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    const queued = await admitted(ledger, `inv-${from + index}`, from + index + 2);
    await moved(ledger, intent(queued, Buffer.from('{}'), at + (from + index) * 1_000));
  }
}

let dir: string;
let file: string;
const opened: { close(): Promise<void> }[] = [];
const open = async (patch: Parameters<typeof openIn>[1] = {}): Promise<Ledger> => {
  const ledger = await openIn(dir, patch);
  opened.push(ledger);
  return ledger;
};
const read = async () => {
  const reader = await openReader(dir);
  opened.push(reader);
  return reader;
};
const change = (sql: string): void => {
  const db = new DatabaseSync(file);
  db.exec(sql);
  db.close();
};

beforeEach(() => {
  dir = makeDir();
  file = join(dir, 'ledger.sqlite');
});
afterEach(async () => {
  for (const one of opened.splice(0).toReversed()) await one.close();
  removeDir(dir);
});

describe('the files of a ledger', () => {
  it('are readable by their owner only', async () => {
    const inner = join(dir, 'data');
    const ledger = await openIn(inner);
    opened.push(ledger);
    await ledger.openBatch(manifest(batchA));
    expect(statSync(inner).mode & 0o777).toBe(0o700);
    const modes = readdirSync(inner).map((name) => [name, statSync(join(inner, name)).mode & 0o777]);
    expect(modes.map(([name]) => name)).toEqual(expect.arrayContaining(['ledger.sqlite', 'ledger.sqlite-wal', 'ledger.lock']));
    expect(modes.filter(([, mode]) => mode !== 0o600)).toEqual([]);
  });

  it('are one file and an empty lock after an orderly end', async () => {
    await (await open()).close();
    expect(readdirSync(dir).toSorted()).toEqual(['ledger.lock', 'ledger.sqlite']);
  });

  it('are not made when there may be no new ledger', async () => {
    const making = open({ mayCreate: false });
    await expect(making).rejects.toThrow(LedgerMissingError);
    await expect(making).rejects.toThrow('--new-ledger');
    expect(readdirSync(dir)).toEqual([]);
    await (await open()).close();
    await open({ mayCreate: false });
  });
});

describe('what a ledger is bound to', () => {
  it.each([
    ['gateway', { ...binding, gateway: 'https://gateway.example' }],
    ['project', { ...binding, project: 'other' }],
    ['submerchant', { ...binding, submerchant: 'branch' }],
    ['idempotency header', { ...binding, idempotencyHeader: 'X-Other' }],
  ])('another %s is refused, naming both', async (_, other) => {
    await (await open()).close();
    const opening = open({ binding: other });
    await expect(opening).rejects.toThrow(LedgerBindingError);
    await expect(opening).rejects.toMatchObject({ code: 'ledger_binding', exitCode: 1 });
    for (const named of [dir, binding.gateway, binding.project, ...Object.values(other)]) await expect(opening).rejects.toThrow(named);
    // The refusal holds no lock.
    await open();
  });

  it('a submerchant is not to be left out either', async () => {
    await (await open({ binding: { ...binding, submerchant: 'branch' } })).close();
    await expect(open()).rejects.toThrow(/submerchant branch.*no submerchant/);
  });

  it('another key is refused', async () => {
    await (await open()).close();
    const opening = open({ ledgerKey: Buffer.alloc(32, 8) });
    await expect(opening).rejects.toThrow(LedgerKeyError);
    await expect(opening).rejects.toMatchObject({ code: 'ledger_key', exitCode: 1 });
  });

  it('does not hold the key itself', async () => {
    const key = Buffer.from('0123456789abcdef0123456789abcdef');
    await (await open({ ledgerKey: key })).close();
    const bytes = readFileSync(file);
    for (const form of [key, key.toString('base64'), key.toString('hex')]) expect(bytes.includes(form)).toBe(false);
  });
});

describe('opening a ledger', () => {
  it('a newer ledger is refused by writer and reader', async () => {
    await (await open()).close();
    change("UPDATE meta SET value = '99' WHERE name = 'schema'");
    for (const opening of [open(), openReader(dir)]) {
      await expect(opening).rejects.toThrow(LedgerSchemaError);
      await expect(opening).rejects.toThrow(/version 99.*newer disburse/);
      await expect(opening).rejects.toMatchObject({ exitCode: 1 });
    }
  });

  it('another database is not changed', async () => {
    change('CREATE TABLE theirs (x)');
    const before = readFileSync(file);
    await expect(open()).rejects.toThrow(LedgerIncompleteError);
    await expect(open()).rejects.toMatchObject({ exitCode: 1 });
    await expect(openReader(dir)).rejects.toThrow('not a disburse ledger');
    expect(readFileSync(file)).toEqual(before);
  });

  it('a file that is no database is named as damaged', async () => {
    writeFileSync(file, 'x'.repeat(10_000));
    for (const opening of [open(), openReader(dir)]) {
      await expect(opening).rejects.toThrow(/damaged or is not a ledger/);
      await expect(opening).rejects.toMatchObject({ exitCode: 1 });
    }
    expect(readFileSync(file, 'utf8')).toBe('x'.repeat(10_000));
  });

  it('a ledger whose creation was interrupted is created again', async () => {
    writeFileSync(`${file}.new`, 'half');
    writeFileSync(`${file}.new-journal`, 'half');
    const ledger = await open();
    expect(await ledger.batches()).toEqual([]);
    expect(readdirSync(dir).filter((name) => name.includes('.new'))).toEqual([]);
  });

  it.each([[], ['ledger.sqlite-wal']])('an empty ledger file is refused and left as it is, with its log (%#)', async (...beside) => {
    writeFileSync(file, '');
    for (const name of beside) writeFileSync(join(dir, name), 'frames');
    for (const opening of [open(), openReader(dir)]) {
      await expect(opening).rejects.toThrow(LedgerIncompleteError);
      await expect(opening).rejects.toMatchObject({ code: 'ledger_incomplete', exitCode: 1 });
      for (const name of beside) await expect(opening).rejects.toThrow(name);
    }
    expect(readdirSync(dir).toSorted()).toEqual(['ledger.sqlite', ...beside]);
    expect(statSync(file).size).toBe(0);
  });

  it('a log without its ledger is refused: a new ledger would drop it', async () => {
    writeFileSync(`${file}-wal`, 'frames');
    for (const opening of [open(), openReader(dir)]) await expect(opening).rejects.toThrow('ledger.sqlite-wal');
    expect(readdirSync(dir)).toEqual(['ledger.sqlite-wal']);
  });

  it('a database without any table is no ledger, and is left as it is', async () => {
    change('PRAGMA user_version = 7');
    const before = readFileSync(file);
    await expect(open()).rejects.toThrow('not a disburse ledger');
    expect(readFileSync(file)).toEqual(before);
  });
});

describe('one dispatching process at a time', () => {
  it('names the holder to a second process', async () => {
    await open({ clock: { now: () => at } });
    const second = open();
    await expect(second).rejects.toThrow(LedgerHeldError);
    await expect(second).rejects.toMatchObject({
      code: 'ledger_held',
      exitCode: 3,
      holder: { pid: process.pid, host: 'here', since: '2026-11-21T08:00:00.000Z' },
    });
    await expect(second).rejects.toThrow(`process ${process.pid} on here`);
    // Nor did the attempt take the lock away from the first.
    await expect(open()).rejects.toThrow(LedgerHeldError);
  });

  it('is over when the ledger is closed', async () => {
    await (await open()).close();
    expect(await (await open()).batches()).toEqual([]);
  });

  it('can be asked for and given back by itself, twice', () => {
    const me = { clock: { now: () => at }, host: 'here' };
    const lock = acquireLock(dir, me);
    expect(() => acquireLock(dir, me)).toThrow(LedgerHeldError);
    lock.release();
    const next = acquireLock(dir, me);
    // The former holder has nothing left to give back.
    lock.release();
    expect(() => acquireLock(dir, me)).toThrow(LedgerHeldError);
    next.release();
  });
});

describe('a reader', () => {
  it('fails and creates nothing when there is no ledger', async () => {
    await expect(openReader(dir)).rejects.toThrow(LedgerMissingError);
    expect(readdirSync(dir)).toEqual([]);
  });

  it('reads beside the owner, and sees each group when it is durable', async () => {
    const ledger = await open();
    await ledger.openBatch(manifest(batchA));
    const reader = await read();
    await admitted(ledger, 'inv-1', 2);
    expect(await reader.tallies(batchA)).toEqual(await ledger.tallies(batchA));
    await recordIn(ledger, 'succeeded', 'inv-2', 3);
    expect(await reader.record('inv-2')).toEqual(await ledger.record('inv-2'));
    expect(await reader.batches()).toEqual(await ledger.batches());
  });

  it('reads when no other process does and no log exists, and leaves no trace', async () => {
    const ledger = await open();
    await ledger.openBatch(manifest(batchA));
    await ledger.close();
    expect(existsSync(`${file}-wal`)).toBe(false);
    const reader = await openReader(dir);
    expect(await reader.batch(batchA)).toMatchObject({ file: 'may.csv' });
    await reader.close();
    await reader.close();
    expect(readFileSync(file).length).toBeGreaterThan(0);
  });

  it('does not keep the owner from starting, ending and starting again', async () => {
    await (await open()).close();
    const reader = await read();
    await reader.batches();
    const ledger = await open();
    await ledger.openBatch(manifest(batchA));
    await ledger.close();
    await open();
    expect(await reader.batches()).toHaveLength(1);
  });
});

describe('a group of the SQLite ledger', () => {
  it('rolls back an admission that fails half way, and keeps the others', async () => {
    const ledger = await open();
    await ledger.openBatch(manifest(batchA));
    const loop: JsonObject = {};
    Object.assign(loop, { self: loop });
    const [failed, kept] = await Promise.allSettled([
      // The first of its stream: the stream is inserted before its metadata turn out to be no JSON.
      admitOne(ledger, admission(lineOf(batchB, 2), valid(instructionOf('inv-1', { metadata: loop })))),
      admitOne(ledger, admission(lineOf(batchB, 3), valid(instructionOf('inv-2')))),
    ]);
    expect(failed).toMatchObject({ status: 'rejected', reason: { message: expect.stringContaining('circular') as string } });
    expect(kept).toMatchObject({ status: 'fulfilled', value: { type: 'admitted' } });
    expect(await admitOne(ledger, admission(lineOf(batchB, 2), valid(instructionOf('inv-1'))))).toMatchObject({ type: 'admitted' });
    expect((await ledger.tallies()).find(({ status }) => status === 'received')?.count).toBe(2);
  });
});

describe('sealed bodies on disk', () => {
  const secret = Buffer.from('{"iban":"DE89370400440532013000"}');

  const bodiesKept = (): number => {
    const db = new DatabaseSync(file, { readOnly: true });
    const { count } = db.prepare('SELECT count(*) AS count FROM body').get() as { count: number };
    db.close();
    return count;
  };

  it('are never there in the clear', async () => {
    const ledger = await open();
    await ledger.openBatch(manifest(batchA));
    await moved(ledger, intent(await admitted(ledger, 'inv-1', 2), secret));
    for (const name of readdirSync(dir)) expect(readFileSync(join(dir, name)).includes('DE89')).toBe(false);
  });

  it('are erased when due, at the next opening', async () => {
    const ledger = await open();
    await ledger.openBatch(manifest(batchA));
    for (const line of [2, 3]) {
      const sent = await moved(ledger, intent(await admitted(ledger, `inv-${line}`, line), secret));
      await moved(ledger, step(sent, { status: 'failed' }, { body: { eraseAt: at + line } }));
    }
    await ledger.close();
    expect(bodiesKept()).toBe(2);
    await (await open({ clock: { now: () => at + 2 } })).close();
    expect(bodiesKept()).toBe(1);
  });

  it('are erased when due, while the ledger is at work', async () => {
    let now = at;
    const ledger = await open({ clock: { now: () => now } });
    await ledger.openBatch(manifest(batchA));
    const sent = await moved(ledger, intent(await admitted(ledger, 'inv-1', 2), secret));
    await moved(ledger, step(sent, { status: 'failed' }, { body: { eraseAt: at + 1_000 } }));
    now = at + 3_600_000;
    await admitOne(ledger, admission(lineOf(batchA, 3), valid(instructionOf('inv-2'))));
    expect(await ledger.body('inv-1')).toBeUndefined();
  });

  it('are kept when a new attempt begins before the former one was to be erased', async () => {
    let now = at;
    const ledger = await open({ clock: { now: () => now } });
    await ledger.openBatch(manifest(batchA));
    const sent = await moved(ledger, intent(await admitted(ledger, 'inv-1', 2), secret));
    const failed = await moved(ledger, step(sent, { status: 'failed' }, { body: { eraseAt: at + 1_000 } }));
    const again = await moved(ledger, step(failed, { status: 'queued', attempt: 2, sends: 0, firstSentAt: null }));
    expect(await ledger.body('inv-1')).toBeUndefined();
    await moved(ledger, intent(again, Buffer.from('second attempt')));
    now = at + 3_600_000;
    await admitted(ledger, 'inv-2', 3);
    expect(Buffer.from((await ledger.body('inv-1')) ?? []).toString()).toBe('second attempt');
  });

  it('leave no trace of an erased one in the file after closing', async () => {
    const ledger = await open();
    await ledger.openBatch(manifest(batchA));
    const sent = await moved(ledger, intent(await admitted(ledger, 'inv-1', 2), secret));
    const db = new DatabaseSync(file, { readOnly: true });
    const { sealed } = db.prepare('SELECT sealed FROM body').get() as { sealed: Uint8Array };
    db.close();
    await moved(ledger, step(sent, { status: 'succeeded' }, { body: { eraseAt: at } }));
    await ledger.close();
    expect(readFileSync(file).includes(Buffer.from(sealed))).toBe(false);
    expect(existsSync(`${file}-wal`)).toBe(false);
  });

  it('are reported as unreadable when they were tampered with', async () => {
    const ledger = await open();
    await ledger.openBatch(manifest(batchA));
    await moved(ledger, intent(await admitted(ledger, 'inv-1', 2), secret));
    await ledger.close();
    change('UPDATE body SET sealed = zeroblob(100)');
    await expect((await open()).body('inv-1')).rejects.toThrow(/inv-1 cannot be opened.*restore/);
  });
});

describe('the times of first sends', () => {
  it('span the time that was spent sending, without the pauses between processes', async () => {
    let ledger = await open();
    await ledger.openBatch(manifest(batchA));
    for (const from of [0, 3_600, 7_200]) {
      await sendOneASecond(ledger, from, 5);
      await ledger.close();
      ledger = await open();
    }
    const { sent, firstSentAt, lastSentAt } = (await ledger.batch(batchA)) ?? {};
    expect(sent).toBe(15);
    expect(Number(lastSentAt) - Number(firstSentAt)).toBe(3 * 4_000);
    expect(lastSentAt).toBe(at + 7_204_000);
  });
});
