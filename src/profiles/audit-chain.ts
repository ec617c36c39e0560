/** The chain of a ledger's audit trails, for who reads them. */
import { createAuditChain, type AuditChain } from '../../batches/audit/hash-chain.ts';
import { LedgerKeyError, type LedgerName } from '../ledger/errors.ts';
import { isSameKey } from '../ledger/ledger-key.ts';

/** @throws LedgerKeyError: under another key every trail would seem to be changed */
export function auditChainOf({ text }: LedgerName, keyCheck: string, ledgerKey: Buffer): AuditChain {
  if (isSameKey(keyCheck, ledgerKey)) return createAuditChain(ledgerKey);
  throw new LedgerKeyError(
    `the key is not the one of ${text}, so its audit trails cannot be verified. Give the path of the right one in LEDGER_KEY_FILE.`,
  );
}
