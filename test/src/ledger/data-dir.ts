/** A ledger in a folder of its own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Ledger } from '../../../batches/ports/ledger.ts';
import { openSqliteLedger, type SqliteLedgerParams } from '../../../src/ledger/sqlite/ledger.ts';
import { at, keys } from '../../support/builders.ts';
import type { Binding } from '../../../src/ledger/errors.ts';

export const makeDir = (): string => mkdtempSync(join(tmpdir(), 'disburse-ledger-'));
export const removeDir = (dir: string): void => rmSync(dir, { recursive: true, force: true });

export const ledgerKey = Buffer.alloc(32, 7);
export const binding: Binding = { gateway: 'http://127.0.0.1:4010', project: 'shop', idempotencyHeader: 'X-PARTNER-IDEMPOTENCY-KEY' };

export const openIn = (dir: string, patch: Partial<SqliteLedgerParams> = {}): Promise<Ledger> =>
  openSqliteLedger({ dir, binding, ledgerKey, keys, clock: { now: () => at }, host: 'here', mayCreate: true, ...patch });
