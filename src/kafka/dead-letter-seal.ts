/** Seals card numbers in dead letters with the ledger key, in a context apart from that of bodies. */
import { createSeal } from '../ledger/seal.ts';

/** Not a possible record id, since it has a blank. */
const context = { recordId: 'dead letter', attempt: 0 };

export interface LetterSeal {
  /** Base64. */
  readonly close: (bytes: Uint8Array) => string;
  /** @throws Error when it was sealed with another key */
  readonly open: (sealed: string) => Buffer;
}

export function openLetterSeal(ledgerKey: Buffer): LetterSeal {
  const seal = createSeal(ledgerKey);
  return {
    close: (bytes) => Buffer.from(seal.close(bytes, context)).toString('base64'),
    open: (sealed) => Buffer.from(seal.open(Buffer.from(sealed, 'base64'), context)),
  };
}
