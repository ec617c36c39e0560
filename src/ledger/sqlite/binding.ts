/** What a ledger was made for: one gateway, project and submerchant, and one key. */
import type { DatabaseSync } from 'node:sqlite';
import { LedgerBindingError, LedgerKeyError, type Binding } from '../errors.ts';
import { isSameKey, keyCheck } from '../ledger-key.ts';
import { readMeta } from './schema.ts';

export function bindNew(db: DatabaseSync, { gateway, project, submerchant }: Binding, ledgerKey: Buffer): void {
  const insert = db.prepare('INSERT INTO meta (name, value) VALUES (?, ?)');
  insert.run('gateway', gateway);
  insert.run('project', project);
  if (submerchant !== undefined) insert.run('submerchant', submerchant);
  insert.run('key_check', keyCheck(ledgerKey));
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
  };
  if (bound.gateway !== binding.gateway || bound.project !== binding.project || bound.submerchant !== binding.submerchant) {
    throw new LedgerBindingError(dir, bound, binding);
  }
  if (!isSameKey(readMeta(db, 'key_check') ?? '', ledgerKey)) {
    throw new LedgerKeyError(
      `the ledger in ${dir} was made with another ledger key. Put the right one back, or name its file with LEDGER_KEY_FILE; a ledger's key never changes.`,
    );
  }
}
