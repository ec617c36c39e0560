/** A ledger in a folder of its own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqliteLedger, type SqliteLedger, type SqliteLedgerParams } from '../../../src/ledger/sqlite/ledger.ts';
import { at, keys } from '../../support/builders.ts';
import type { Binding } from '../../../src/ledger/errors.ts';

export const makeDir = (): string => mkdtempSync(join(tmpdir(), 'disburse-ledger-'));
export const removeDir = (dir: string): void => rmSync(dir, { recursive: true, force: true });

export const ledgerKey = Buffer.alloc(32, 7);
export const binding: Binding = { gateway: 'http://127.0.0.1:4010', project: 'shop', idempotencyHeader: 'X-PARTNER-IDEMPOTENCY-KEY' };

export const openIn = (dir: string, patch: Partial<SqliteLedgerParams> = {}): Promise<SqliteLedger> =>
  openSqliteLedger({ dir, binding, ledgerKey, keys, clock: { now: () => at }, host: 'here', mayCreate: true, ...patch });
