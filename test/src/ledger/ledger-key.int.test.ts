import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LedgerKeyError } from '../../../src/ledger/errors.ts';
import { isSameKey, keyCheck, loadLedgerKey } from '../../../src/ledger/ledger-key.ts';
import { makeDir, openIn, removeDir } from './data-dir.ts';

let dir: string;
beforeEach(() => {
  dir = makeDir();
});
afterEach(() => {
  removeDir(dir);
});

describe('loadLedgerKey', () => {
  it('makes a key of 32 bytes that only its owner can read, and finds it again', () => {
    const made = loadLedgerKey({ dir });
    expect(made).toHaveLength(32);
    expect(loadLedgerKey({ dir })).toEqual(made);
    expect(statSync(join(dir, 'ledger.key')).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(dir, 'ledger.key'), 'utf8')).toBe(`${made.toString('base64')}\n`);
    expect(readdirSync(dir)).toEqual(['ledger.key']);
  });

  it('creates the data folder without access for others', () => {
    const inner = join(dir, 'a', 'b');
    loadLedgerKey({ dir: inner });
    expect(statSync(inner).mode & 0o777).toBe(0o700);
  });

  it('creates a different key in another folder', () => {
    expect(loadLedgerKey({ dir })).not.toEqual(loadLedgerKey({ dir: join(dir, 'other') }));
  });

  it('takes the file that is named', () => {
    const file = join(dir, 'my.key');
    writeFileSync(file, `${Buffer.alloc(32, 9).toString('base64')}\r\n`);
    expect(loadLedgerKey({ dir, file })).toEqual(Buffer.alloc(32, 9));
    expect(readdirSync(dir)).toEqual(['my.key']);
  });

  it.each([
    ['31 bytes', Buffer.alloc(31).toString('base64')],
    ['33 bytes', Buffer.alloc(33).toString('base64')],
    ['hex', Buffer.alloc(32).toString('hex')],
    ['nothing', ''],
  ])('refuses a file with %s, without telling what it holds', (_, text) => {
    const file = join(dir, 'my.key');
    writeFileSync(file, text);
    const load = (): Buffer => loadLedgerKey({ dir, file });
    expect(load).toThrow(LedgerKeyError);
    expect(load).toThrow(new LedgerKeyError(`the ledger key file ${file} must contain 32 bytes in base64 (44 characters), but does not.`));
  });

  it('names the file that does not exist', () => {
    expect(() => loadLedgerKey({ dir, file: join(dir, 'none.key') })).toThrow(/none\.key does not exist/);
  });

  it('never makes a new key for a ledger that has lost its own', async () => {
    await (await openIn(dir, { ledgerKey: loadLedgerKey({ dir }) })).close();
    rmSync(join(dir, 'ledger.key'));
    expect(() => loadLedgerKey({ dir })).toThrow(/has lost its key/);
    expect(readdirSync(dir)).not.toContain('ledger.key');
  });
});

describe('isSameKey', () => {
  it('accepts the key that belongs to the check value, and no other', () => {
    const check = keyCheck(Buffer.alloc(32, 1));
    expect(isSameKey(check, Buffer.alloc(32, 1))).toBe(true);
    expect(isSameKey(check, Buffer.alloc(32, 2))).toBe(false);
    expect(isSameKey('', Buffer.alloc(32, 1))).toBe(false);
  });
});
