import { describe, expect, it } from 'vitest';
import type { ResultEvent } from '../../../batches/record/result-event.ts';
import { eventLine } from '../../../src/terminal/event-line.ts';

const plain = (_style: string, text: string): string => text;
const event: ResultEvent = {
  event_id: '973a6b64-c46a-5a81-ad84-36548b2931e0',
  sequence: 2,
  record_id: 'inv-1',
  kind: 'payout',
  status: 'duplicate',
  final: true,
  batch_id: 'b'.repeat(64),
  source: { file: 'june.csv', line: 3 },
  amount_details: { amount: 1230, currency: 'EUR' },
  earlier: { status: 'failed', batch_id: 'a'.repeat(64), source: { file: 'may.csv', line: 2 } },
  occurred_at: '2026-11-21T08:00:00.000Z',
  version: 1,
};

describe('the line of an event', () => {
  it('of a duplicate shows where its record is and the status that it had', () => {
    const line = eventLine(event, plain);
    expect(line).toContain('2026-11-21 08:00:00Z  duplicate');
    expect(line).toMatch(/june\.csv:3 {2}first at may\.csv:2, then failed$/);
  });

  it('of a conflict also shows the fields that differ', () => {
    const error = { code: 'record_id_conflict', description: 'Used before.' };
    const line = eventLine({ ...event, status: 'conflict', error, fields: ['amount_details.amount', 'description'] }, plain);
    expect(line).toContain('record_id_conflict: Used before.; differs in amount_details.amount, description; first at may.csv:2');
  });
});
