/** What a ledger is bound to: one gateway, project, submerchant and idempotency header, and one key. */
import type { DatabaseSync } from 'node:sqlite';
import { isSameBinding, LedgerBindingError, LedgerKeyError, type Binding } from '../errors.ts';
import { isSameKey, keyCheck } from '../ledger-key.ts';
import { readMeta, writeMeta } from './schema.ts';

export function bindNew(db: DatabaseSync, { gateway, project, submerchant, idempotencyHeader }: Binding, ledgerKey: Buffer): void {
  writeMeta(db, 'gateway', gateway);
  writeMeta(db, 'project', project);
  if (submerchant !== undefined) writeMeta(db, 'submerchant', submerchant);
  writeMeta(db, 'idempotency_header', idempotencyHeader);
  writeMeta(db, 'key_check', keyCheck(ledgerKey));
}

/** @throws LedgerBindingError | LedgerKeyError */
export function checkBinding(
  db: DatabaseSync,
  asked: { readonly dir: string; readonly binding: Binding; readonly ledgerKey: Buffer },
): void {
  const { dir, binding, ledgerKey } = asked;
  const submerchant = readMeta(db, 'submerchant');
  const bound: Binding = {
    gateway: readMeta(db, 'gateway') ?? '',
    project: readMeta(db, 'project') ?? '',
    ...(submerchant === null ? {} : { submerchant }),
    // A ledger that is not migrated yet has none: the migration binds it.
    idempotencyHeader: readMeta(db, 'idempotency_header') ?? binding.idempotencyHeader,
  };
  if (!isSameBinding(bound, binding)) throw new LedgerBindingError(dir, bound, binding);
  if (!isSameKey(readMeta(db, 'key_check') ?? '', ledgerKey)) {
    throw new LedgerKeyError(
      `the ledger in ${dir} was created with another ledger key. Restore the right one, or give its path in LEDGER_KEY_FILE; the key of a ledger never changes.`,
    );
  }
}
