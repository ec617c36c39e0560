/** A file's name as reports, results and the ledger have it: a card number in it is masked. */
import { carriesCardNumber } from '../../batches/fields/cards.ts';
import { maskDigits } from '../../batches/instruction/masks.ts';

/** Dates and counters with signs between them stay: they tell files apart. */
export const shownFileName = (name: string): string =>
  carriesCardNumber(name) ? maskDigits(name) : name.replace(/\p{Nd}{12,}/gu, (digits) => maskDigits(digits));
