/** Stories dropped from the file itself, and ledgers of a version that did not note when a record ended. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Ledger } from '../../../../batches/ports/ledger.ts';
import type { LedgerRecord } from '../../../../batches/record/record.ts';
import { LedgerBindingError } from '../../../../src/ledger/errors.ts';
import { openReader } from '../../../../src/ledger/sqlite/reader.ts';
import { admission, at, batchA, instructionOf, lineOf, manifest, valid } from '../../../support/builders.ts';
import { admitted, intent, moved, step } from '../../../support/ledger-steps.ts';
import { binding, makeDir, openIn, removeDir } from '../data-dir.ts';
import { admitOne } from '../../../../batches/ports/single.ts';

const hour = 3_600_000;
const words = { destination: 'told-as-destination', metadata: { order: 'told-as-metadata' } };
const reason = { code: 'told-as-code', description: 'told-as-description' };

let dir: string;
let file: string;
let now: number;
const opened: { close(): Promise<void> }[] = [];
const open = async (patch: Parameters<typeof openIn>[1] = {}): Promise<Ledger> => {
  const ledger = await openIn(dir, { clock: { now: () => now }, ...patch });
  opened.push(ledger);
  return ledger;
};
const ask = (sql: string): unknown => {
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    return Object.values(db.prepare(sql).get() ?? {})[0];
  } finally {
    db.close();
  }
};

const sent = async (ledger: Ledger, recordId: string, line: number): Promise<LedgerRecord> =>
  moved(ledger, intent(await admitted(ledger, recordId, line, words)));
const fail = (ledger: Ledger, record: LedgerRecord): Promise<LedgerRecord> => moved(ledger, step(record, { status: 'failed', reason }));

beforeEach(() => {
  dir = makeDir();
  file = join(dir, 'ledger.sqlite');
  now = at;
});
afterEach(async () => {
  for (const one of opened.splice(0).toReversed()) await one.close();
  removeDir(dir);
});

describe('purged details', () => {
  it('leaves no trace in the file after closing', async () => {
    const ledger = await open();
    await ledger.openBatch(manifest(batchA));
    await fail(ledger, await sent(ledger, 'inv-1', 2));
    await ledger.published({ numbers: (await ledger.outbox({ limit: 9 })).map(({ number }) => number), mark: null });
    const told = [words.destination, words.metadata.order, reason.code, reason.description];
    await ledger.close();
    for (const text of told) expect(readFileSync(file).includes(text), text).toBe(true);

    now += hour;
    const again = await open();
    expect(await again.purgeDetails({ olderThanMs: 1_000, limit: 9 })).toBe(1);
    await again.close();
    expect(ask('SELECT length(digests) FROM record')).toBe(0);
    for (const text of told) expect(readFileSync(file).includes(text), text).toBe(false);
  });

  it('are read beside the owner like any other record', async () => {
    const ledger = await open();
    await ledger.openBatch(manifest(batchA));
    await fail(ledger, await sent(ledger, 'inv-1', 2));
    const reader = await openReader(dir);
    opened.push(reader);
    await ledger.purgeDetails({ olderThanMs: 0, limit: 9 });
    expect(await reader.record('inv-1')).toEqual(await ledger.record('inv-1'));
    expect(await reader.record('inv-1')).toMatchObject({ destination: undefined, reason: null, status: 'failed' });
    expect(await reader.list({ batchId: batchA, status: 'failed', limit: 9 })).toHaveLength(1);
  });
});

describe('a purge without due details', () => {
  it('writes nothing', async () => {
    const ledger = await open();
    await ledger.openBatch(manifest(batchA));
    await fail(ledger, await sent(ledger, 'inv-1', 2));
    const log = `${file}-wal`;
    const before = [statSync(log).size, statSync(log).mtimeMs, statSync(file).mtimeMs];
    expect(await ledger.purgeDetails({ olderThanMs: hour, limit: 9 })).toBe(0);
    expect([statSync(log).size, statSync(log).mtimeMs, statSync(file).mtimeMs]).toEqual(before);
  });
});

describe('after the ledger was closed', () => {
  it('purging is refused', async () => {
    const ledger = await open();
    await ledger.close();
    await expect(ledger.purgeDetails({ olderThanMs: 0, limit: 9 })).rejects.toThrow('closed');
  });
});

describe('a ledger that was made before ends were noted', () => {
  const keptMs = 10 * hour;

  /** A ledger with one record that ended and one that is open, as the first version of its tables left it. */
  const makeOld = async (): Promise<void> => {
    const ledger = await open();
    await ledger.openBatch(manifest(batchA));
    await fail(ledger, await sent(ledger, 'ended', 2));
    await sent(ledger, 'open', 3);
    await ledger.close();
    const db = new DatabaseSync(file);
    const later = [
      'ended_at',
      'key_lifetime_ms',
      'idempotency_header',
      'session_unproven',
      'resend_code',
      'resend_description',
      'admitted_at',
      'changed_at',
      'first_sent_wall',
      'first_sent_uptime',
      'audit_number',
      'audit_chain',
      'alerts',
      'has_alert',
      'resolved_by',
      'awaits_since',
      'previous_session',
      'amendments',
    ];
    db.exec('DROP INDEX record_story; DROP INDEX record_alert; DROP INDEX record_unpaid');
    for (const column of later) db.exec(`ALTER TABLE record DROP COLUMN ${column}`);
    db.exec('DROP TABLE session; DROP TABLE audit; DROP TABLE gate; DROP TABLE day_total; DROP TABLE pause; DROP TABLE command');
    db.exec("DELETE FROM meta WHERE name = 'idempotency_header'");
    db.exec("UPDATE meta SET value = '1' WHERE name = 'schema'");
    db.close();
  };

  it('is read as it is', async () => {
    await makeOld();
    const reader = await openReader(dir);
    expect(await reader.record('ended')).toMatchObject({ status: 'failed', destination: words.destination, reason });
    expect(await reader.records({ statuses: ['failed'], limit: 10 })).toMatchObject([{ admittedAt: null, changedAt: null }]);
    expect(await reader.batches()).toHaveLength(1);
    await reader.close();
    expect(ask("SELECT value FROM meta WHERE name = 'schema'")).toBe('1');
  });

  it('is left as it is where it belongs to somebody else', async () => {
    await makeOld();
    await expect(open({ binding: { ...binding, project: 'other' } })).rejects.toThrow(LedgerBindingError);
    expect(ask("SELECT value FROM meta WHERE name = 'schema'")).toBe('1');
  });

  it('keeps everything, and purges the details of old ends as if they had ended at its first opening', async () => {
    await makeOld();
    now += 100 * hour;
    const ledger = await open();
    expect(await ledger.record('ended')).toMatchObject({ status: 'failed', version: 3, destination: words.destination, reason });
    expect(ask("SELECT value FROM meta WHERE name = 'schema'")).toBe('8');
    // The terms of what was sent before are not known, so it is never resent.
    expect(await ledger.record('open')).toMatchObject({ keyLifetimeMs: null, idempotencyHeader: null });
    expect(ask('PRAGMA integrity_check')).toBe('ok');
    expect(await ledger.purgeDetails({ olderThanMs: keptMs, limit: 9 })).toBe(0);

    // What ends from now on has a time of its own, and comes after what had ended before.
    now += hour;
    const stillOpen = await ledger.record('open');
    if (stillOpen === undefined) throw new Error('the open record is gone');
    await fail(ledger, stillOpen);
    await ledger.close();
    now += keptMs - hour;
    const later = await open();
    expect(await later.purgeDetails({ olderThanMs: keptMs, limit: 9 })).toBe(1);
    expect(await later.record('ended')).toMatchObject({ status: 'failed', destination: undefined, reason: null });
    expect(await later.record('open')).toMatchObject({ status: 'failed', destination: words.destination, reason });
    now += hour;
    expect(await later.purgeDetails({ olderThanMs: keptMs, limit: 9 })).toBe(1);
    expect(await later.record('open')).toMatchObject({ status: 'failed', destination: undefined, reason: null });
    expect(await admitOne(later, admission(lineOf(batchA, 9), valid(instructionOf('ended', words))))).toMatchObject({
      status: 'duplicate',
    });
  });

  it('takes new records as any other', async () => {
    await makeOld();
    const ledger = await open();
    await fail(ledger, await sent(ledger, 'new', 4));
    expect(await ledger.purgeDetails({ olderThanMs: 0, limit: 9 })).toBe(2);
    expect(await ledger.record('new')).toMatchObject({ destination: undefined, metadata: undefined, reason: null });
    expect(await ledger.record('open')).toMatchObject({ status: 'submitting', destination: words.destination });
  });
});
