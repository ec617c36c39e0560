import { createHmac, hkdfSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { AuditNote } from '../../../batches/audit/audit-entry.ts';
import { createAuditChain } from '../../../batches/audit/hash-chain.ts';

const ledgerKey = Buffer.alloc(32, 7);
const chain = createAuditChain(ledgerKey);
const at = Date.parse('2026-11-21T08:00:00.000Z');

describe('an entry of the audit trail', () => {
  it.each<AuditNote>([
    { event: 'admitted', detail: { place: 'file:"1":2' } },
    { event: 'intent', detail: { attempt: 1, send: 1 } },
    { event: 'resolved', by: 'Zoë "the \\ desk"\n\u2028', detail: { status: 'failed', reason: 'seen at the bank' } },
  ])('is the JSON of its note, chained by HMAC-SHA-256 on the entry before: %j', ({ event, by, detail }) => {
    const before = { number: 8, chain: 'ab'.repeat(32) };
    const { head, entries } = chain.append(before, 'inv-1', { event, ...(by === undefined ? {} : { by }), detail }, at + 0.4);
    const text = JSON.stringify({ number: 9, at, event, ...(by === undefined ? {} : { by }), detail });
    const key = Buffer.from(hkdfSync('sha256', ledgerKey, '', 'disburse:v1:audit', 32));
    const expected = createHmac('sha256', key).update(`${before.chain}\ninv-1\n${text}`).digest('hex');
    expect(head).toEqual({ number: 9, chain: expected });
    expect(entries).toEqual([{ number: 9, text, hash: expected.slice(0, 32) }]);
  });
});
