/** A ledger that an earlier version wrote, with records in every status; how it was made: test/fixtures/README.md. */
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Ledger } from '../../../../batches/ports/ledger.ts';
import { isBalanced } from '../../../../batches/record/tally.ts';
import { whyNotResend } from '../../../../batches/record/resend-rules.ts';
import { LedgerBindingError, LedgerSchemaError } from '../../../../src/ledger/errors.ts';
import { openReader } from '../../../../src/ledger/sqlite/reader.ts';
import { at, batchA, instructionOf, lineOf, transitionSettings, valid, admission } from '../../../support/builders.ts';
import { admitOne } from '../../../../batches/ports/single.ts';
import { binding, makeDir, openIn, removeDir } from '../data-dir.ts';

const schemaVersion = '8';
let dir: string;
let file: string;
const opened: { close(): Promise<void> }[] = [];
const open = async (patch: Parameters<typeof openIn>[1] = {}): Promise<Ledger> => {
  const ledger = await openIn(dir, patch);
  opened.push(ledger);
  return ledger;
};
const query = (path: string, sql: string): readonly unknown[] => {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    return db.prepare(sql).all();
  } finally {
    db.close();
  }
};
const meta = (name: string): unknown =>
  (query(file, `SELECT value FROM meta WHERE name = '${name}'`)[0] as { value: unknown } | undefined)?.value;

beforeEach(() => {
  dir = makeDir();
  file = join(dir, 'ledger.sqlite');
  copyFileSync(join(import.meta.dirname, '../../../fixtures/ledger-schema-2.sqlite'), file);
});
afterEach(async () => {
  for (const one of opened.splice(0).toReversed()) await one.close();
  removeDir(dir);
});

describe('a SQLite ledger of schema 2', () => {
  it('is read by a reader as it is, without a migration', async () => {
    const reader = await openReader(dir);
    opened.push(reader);
    expect(await reader.record('open')).toMatchObject({ status: 'unknown', sends: 1, keyLifetimeMs: null, sentClocks: null });
    expect(await reader.batches()).toHaveLength(3);
    expect(isBalanced(await reader.tallies())).toBe(true);
    expect(meta('schema')).toBe('2');
  });

  it('is migrated by the first process that pays, and keeps batches, tallies, records, outbox and bodies', async () => {
    const before = await openReader(dir);
    const [batches, tallies, outbox] = [await before.batches(), await before.tallies(), await before.outbox({ limit: 100 })];
    await before.close();
    const ledger = await open();
    expect(meta('schema')).toBe(schemaVersion);
    expect(await ledger.batches()).toEqual(batches);
    expect(await ledger.tallies()).toEqual(tallies);
    expect(await ledger.outbox({ limit: 100 })).toEqual(outbox);
    expect(outbox.length).toBeGreaterThan(5);
    expect(await ledger.publishedMark()).toBe('bytes:1234');
    for (const recordId of ['submitting', 'open', 'resending', 'given-up'])
      expect(Buffer.from((await ledger.body(recordId)) ?? []).toString()).toBe(`{"metadata":{"record_id":"${recordId}","attempt":1}}`);
    expect(query(file, 'PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }]);
  });

  it.each(['submitting', 'card', 'open', 'resending', 'given-up'])(
    'never resends the send %s, which was open before the migration',
    async (recordId) => {
      const record = await (await open()).record(recordId);
      expect(record).toMatchObject({ keyLifetimeMs: null, sentClocks: null });
      if (record === undefined) throw new Error('the record is gone');
      expect(whyNotResend(transitionSettings, record, at)).not.toBeNull();
    },
  );

  it('keeps the reason of an open send, without why it was not resent', async () => {
    expect((await (await open()).record('given-up'))?.reason).toEqual({ code: 'connection_lost', description: 'The connection was lost.' });
  });

  it('binds the idempotency header that is configured at the migration', async () => {
    await (await open({ binding: { ...binding, idempotencyHeader: 'X-Mine' } })).close();
    expect(meta('idempotency_header')).toBe('X-Mine');
    await expect(open()).rejects.toThrow(LedgerBindingError);
    await open({ binding: { ...binding, idempotencyHeader: 'x-mine' } });
  });

  it('claims each session id for one record: of those that share one, for the oldest', async () => {
    await open();
    const claims = query(file, 'SELECT session.session_id, record.record_id FROM session JOIN record ON record.id = session.record');
    const claimed = new Map(claims.map((claim) => Object.values(claim as object) as [string, string]));
    expect(claimed.get('ps_same')).toBe('twin-1');
    expect(claimed.get('ps_confirming')).toBe('confirming');
    expect(claimed.get('ps_purged')).toBe('purged');
    expect(claimed.size).toBe(7);
  });

  it('is left as it is when the process may not pay from it', async () => {
    await expect(open({ binding: { ...binding, project: 'other' } })).rejects.toThrow(LedgerBindingError);
    await expect(open({ ledgerKey: Buffer.alloc(32, 8) })).rejects.toThrow();
    expect(meta('schema')).toBe('2');
  });

  it('knows every occurrence and record id after the migration', async () => {
    const ledger = await open();
    expect(await admitOne(ledger, admission(lineOf(batchA, 90), valid(instructionOf('succeeded'))))).toMatchObject({ status: 'duplicate' });
    expect(await admitOne(ledger, admission(lineOf(batchA, 3), valid(instructionOf('submitting'))))).toMatchObject({ type: 'open' });
    expect(isBalanced(await ledger.tallies())).toBe(true);
  });

  it('has the tables and indexes of a new ledger after the migration', async () => {
    await open();
    const other = makeDir();
    const fresh = await openIn(other);
    const names = "SELECT type, name, tbl_name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY type, name";
    const columns = (path: string, table: string): readonly unknown[] =>
      query(path, `SELECT name, type, "notnull", dflt_value, pk FROM pragma_table_info('${table}') ORDER BY name`);
    const created = join(other, 'ledger.sqlite');
    expect(query(file, names)).toEqual(query(created, names));
    for (const table of query(created, "SELECT name FROM sqlite_schema WHERE type = 'table'") as { name: string }[])
      expect(columns(file, table.name)).toEqual(columns(created, table.name));
    await fresh.close();
    removeDir(other);
  });

  it('is refused by a program that knows only older schemas', async () => {
    await (await open()).close();
    const db = new DatabaseSync(file);
    db.exec(`UPDATE meta SET value = '${Number(schemaVersion) + 1}' WHERE name = 'schema'`);
    db.close();
    await expect(open()).rejects.toThrow(LedgerSchemaError);
    await expect(openReader(dir)).rejects.toThrow(/newer disburse/);
  });
});

describe('a migration whose last step fails', () => {
  // A table of that name makes the step that creates it fail, after the ones before it have run.
  it.each(['session'])(
    'before the step that creates %s leaves the ledger of schema 2, which is migrated by the next start',
    async (table) => {
      const change = (sql: string): void => {
        const db = new DatabaseSync(file);
        db.exec(sql);
        db.close();
      };
      change(`CREATE TABLE ${table} (x)`);
      await expect(open()).rejects.toThrow();
      expect(meta('schema')).toBe('2');
      expect(
        query(file, "SELECT name FROM pragma_table_info('record') WHERE name IN ('key_lifetime_ms', 'admitted_at', 'first_sent_wall')"),
      ).toEqual([]);
      change(`DROP TABLE ${table}`);
      await open();
      expect(meta('schema')).toBe(schemaVersion);
    },
  );
});
