/** What a ledger is bound to: one gateway, project, submerchant and idempotency header, and one key. */
import type { DatabaseSync } from 'node:sqlite';
import type { Binding } from '../errors.ts';
import { keyCheck } from '../ledger-key.ts';
import type { LedgerFound } from '../may-pay.ts';
import { readMeta, writeMeta } from './schema.ts';

export function bindNew(db: DatabaseSync, { gateway, project, submerchant, idempotencyHeader }: Binding, ledgerKey: Buffer): void {
  writeMeta(db, 'gateway', gateway);
  writeMeta(db, 'project', project);
  if (submerchant !== undefined) writeMeta(db, 'submerchant', submerchant);
  writeMeta(db, 'idempotency_header', idempotencyHeader);
  writeMeta(db, 'key_check', keyCheck(ledgerKey));
}

/** @param header that of this process: a ledger that is not migrated yet has none, and the migration binds it */
export function boundTo(db: DatabaseSync, header: string): Pick<LedgerFound, 'bound' | 'keyCheck'> {
  const submerchant = readMeta(db, 'submerchant');
  const bound: Binding = {
    gateway: readMeta(db, 'gateway') ?? '',
    project: readMeta(db, 'project') ?? '',
    ...(submerchant === null ? {} : { submerchant }),
    idempotencyHeader: readMeta(db, 'idempotency_header') ?? header,
  };
  return { bound, keyCheck: readMeta(db, 'key_check') ?? '' };
}
