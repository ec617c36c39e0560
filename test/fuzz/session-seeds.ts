/** Sessions of `inv-1` in every stage, and what must hold before one of them may end a record. */
import assert from 'node:assert/strict';
import { gatewayCodes } from '../../batches/gateway/failure-codes.ts';
import type { LedgerRecord } from '../../batches/record/record.ts';
import { isFinal, mayFollow } from '../../batches/record/status.ts';
import { session } from '../support/builders.ts';

const refund = { id: 'rf_1', status: 'succeeded', amount_details: { amount: 1230, currency: 'eur' }, is_chargeback: true };
const twoEntries = (second: string) => {
  const one = session({ status: 'accepted', entryStatus: 'succeeded' });
  return { ...one, payments: [...(one['payments'] as object[]), { ...(one['payments'] as object[])[0], id: 'po_2', status: second }] };
};

/** @param metadata what the gateway shows of ours */
export const sessionSeeds = (metadata: unknown): readonly object[] =>
  [
    session({ metadata }),
    session({ metadata, nextAction: 'confirm', entryStatus: 'pending' }),
    session({ metadata, status: 'accepted', entryStatus: 'succeeded' }),
    session({ metadata, status: 'accepted', entryStatus: 'failed', entryError: { code: 'bank_card_expired', description: 'The card …' } }),
    session({ metadata, status: 'cancelled', entryStatus: 'canceled' }),
    session({ metadata, status: 'error', error: { code: 'internal_error', description: 'later' } }),
    session({ metadata, status: 'accepted', entryStatus: 'succeeded', amount: 1231 }),
    session({ metadata: { record_id: 'inv-2', attempt: 1 }, status: 'accepted', entryStatus: 'succeeded' }),
    session({ metadata, id: 'ps_2', status: 'accepted', entryStatus: 'succeeded' }),
    twoEntries('succeeded'),
    twoEntries('pending'),
  ].flatMap((one) => [
    one,
    { ...one, acquiring_payments: one['payments'], payments: [] },
    { ...one, refunds: [refund], amount_details: refund.amount_details },
  ]);

export const sessionTokens = [
  ...gatewayCodes.map((code) => `"${code}"`),
  ...[
    '"session":',
    '"session_id":"ps_1",',
    '"status":"ok",',
    '"status":"error",',
    '"error":{"code":"internal_error"},',
    '"payments":[]',
    '"payments":',
    '"acquiring_payments":',
  ],
  ...[
    '"succeeded"',
    '"failed"',
    '"cancelled"',
    '"canceled"',
    '"pending"',
    '"in_progress"',
    '"accepted"',
    '"confirm"',
    '"amount":1230',
    '1230',
    '"eur"',
    '"EUR"',
    '"usd"',
  ],
  ...[
    '"refunds":[{"id":"rf_1","status":"succeeded"}],',
    '"metadata":null',
    '"metadata":{}',
    '"record_id":"inv-1"',
    '"record_id":"inv-2"',
    '"attempt":1',
    '"attempt":2',
    '"idempotency_key":"x",',
  ],
  ...['"id":"ps_1"', '"id":"ps_2"', '"id":"po_1"', '"updated_at":"2026-11-21T08:00:00Z",', '4242424242424242', 'DE89370400440532013000'],
];

interface EntryShown {
  readonly status?: unknown;
  readonly amount_details?: { readonly amount?: unknown; readonly currency?: unknown };
}

/** Every entry of the session, by a reading of its own. */
export function entriesOf(json: unknown): readonly EntryShown[] {
  const shown = (json as { session?: Record<string, unknown> } | null | undefined)?.session;
  return [shown?.['payments'], shown?.['acquiring_payments']].flatMap((list) => (Array.isArray(list) ? (list as EntryShown[]) : []));
}

/** A record moves only as its statuses allow, and ends only with proof. */
export function checkStep(before: LedgerRecord, after: LedgerRecord, json: unknown): void {
  if (isFinal[before.status]) assert.equal(after.status, before.status, 'a final status stays');
  if (after.status === before.status) return;
  assert.ok(mayFollow[before.status].includes(after.status), `${after.status} may follow ${before.status}`);
  if (after.status !== 'succeeded') return;
  const paid = entriesOf(json).filter(({ status }) => status === 'succeeded');
  assert.ok(paid.length >= 1, 'succeeded needs an entry that succeeded');
  const amounts = paid.map(({ amount_details: details }) => details);
  for (const details of amounts.filter(
    (one) => one?.amount !== undefined && one.amount !== null && one.currency !== null && one.currency !== undefined,
  )) {
    assert.equal(BigInt(Number(details?.amount)), before.amountMinor, 'succeeded needs the amount of the record');
    assert.equal(String(details?.currency).toUpperCase(), before.currency, 'succeeded needs the currency of the record');
  }
}
