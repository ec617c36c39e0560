/** Instruction events for tests of the distributed profile. */
import { samplePayout } from '../batches/csv-row/row-samples.ts';

/** A good payout, of 10.00 EUR unless told otherwise. */
export const payoutEvent = (recordId: string, amount = 1000, changes: object = {}) => ({
  record_id: recordId,
  kind: 'payout',
  ...samplePayout,
  payment_method: {
    type: 'bank_account',
    bank_account: { system_type: 'global', global: { iban: 'BE68539007547034', description: 'purpose' } },
  },
  amount_details: { amount, currency: 'eur' },
  ...changes,
});
