import { describe, expect, it } from 'vitest';
import { parse } from 'csv-parse/sync';
import { serialise } from '../../batches/pipeline/request-body.ts';
import { readInstructionEvent } from '../../batches/event/parse-event.ts';
import { indexOfRecord, instructionMessages } from '../../bench/distributed/events.ts';
import { payoutFile } from '../../bench/make-file.ts';
import { payoutBody, type PayoutRow } from '../../bench/peers/payout.ts';
import { at } from '../support/builders.ts';
import { validOf } from '../support/parsing.ts';

const count = 1500;
const messages = [...instructionMessages(count, 7)];
const rows = parse([...payoutFile(count, 7)].join(''), { columns: true }) as PayoutRow[];

const idempotencyKey = '123e4567-e89b-12d3-a456-426614174000';

describe('the events of the benchmark', () => {
  it('pass every rule and make us send what the file makes everybody send, in as many bytes', () => {
    expect(messages).toHaveLength(count);
    for (const [index, { key, value }] of messages.entries()) {
      const row = rows[index] as PayoutRow;
      const sent = serialise(validOf(readInstructionEvent(JSON.parse(value), { now: at })), { attempt: 1, idempotencyKey });
      const theirs = Buffer.from(JSON.stringify(payoutBody(row, idempotencyKey)));
      expect(key).toBe(row.record_id);
      expect(JSON.parse(sent.toString())).toEqual(JSON.parse(theirs.toString()));
      expect(sent.length).toBe(theirs.length);
    }
  });

  it('are found again by their record id', () => {
    expect(messages.map(({ key }) => indexOfRecord(key))).toEqual(messages.map((_, index) => index));
  });
});
