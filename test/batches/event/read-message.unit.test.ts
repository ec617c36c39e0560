import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { kinds } from '../../../batches/instruction/instruction.ts';
import type { Batch } from '../../../batches/record/batch.ts';
import { routeNames } from '../../../batches/instruction/templates.ts';
import { readMessage, type InstructionMessage, type MessageReading } from '../../../batches/event/read-message.ts';
import { toInstructionMessage } from '../../../batches/pipeline/enqueue-file.ts';
import { createTopicSeal } from '../../../src/ledger/seal.ts';
import { at, bankAccount, rowOf, samplePayout } from '../../support/builders.ts';
import { parseRow, validOf } from '../../support/parsing.ts';

const { close: seal, open } = createTopicSeal(randomBytes(32));
const good = { record_id: 'inv-1', kind: 'payout', ...samplePayout, payment_method: bankAccount() };

const messageOf = (value: unknown, rest: Partial<InstructionMessage> = {}): InstructionMessage => ({
  topic: 'payouts.instructions',
  partition: 3,
  offset: 41n,
  timestamp: Date.UTC(2026, 10, 20, 23, 59),
  key: null,
  value: Buffer.isBuffer(value) || value === null ? value : Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)),
  headers: {},
  ...rest,
});
const read = (message: InstructionMessage): MessageReading => readMessage(message, { now: at, open });
const reasonOf = (value: unknown, rest: Partial<InstructionMessage> = {}): string => {
  const found = read(messageOf(value, rest));
  return found.type === 'dead' ? found.reason : found.type;
};

describe('an event', () => {
  it('gets its topic, partition and offset as occurrence, and the batch of its day', () => {
    expect(read(messageOf(good))).toMatchObject({
      type: 'instruction',
      occurrence: {
        stream: 'topic:payouts.instructions:3',
        position: 41,
        source: { topic: 'payouts.instructions', partition: 3, offset: '41' },
      },
      batchId: 'events-2026-11-20',
      reading: { ok: true, draft: { recordId: 'inv-1', amountMinor: 1000n } },
    });
  });

  it('names its own batch, also when it is refused', () => {
    expect(read(messageOf({ ...good, batch_id: 'may' }))).toMatchObject({ batchId: 'may' });
    expect(read(messageOf({ ...good, batch_id: 'may', amount_details: { amount: 0, currency: 'usd' } }))).toMatchObject({
      type: 'instruction',
      batchId: 'may',
      reading: { ok: false, refusal: { recordId: 'inv-1' } },
    });
  });

  it.each([
    ['null_value', null],
    ['invalid_json', '{"record_id": "inv-1"'],
    ['invalid_json', ''],
    ['invalid_utf8', Buffer.from([0x7b, 0xff, 0x7d])],
    ['event_not_object', '[1]'],
    ['event_not_object', '"text"'],
    ['event_too_large', `"${'x'.repeat(300_000)}"`],
    ['event_too_large', { ...good, record_id: undefined, metadata: 'x'.repeat(70_000) }],
    ['unknown_member', { ...good, record_id: undefined, colour: 'red' }],
    ['member_twice', '{"record_id":"dup","record_id":"dup2","kind":"payout"}'],
    ['member_twice', '{"kind":"payout","kind":"payout","record_id":"dup","record_id":"dup"}'],
    ['event_not_object', '[{"a":1,"a":2}]'],
    ['event_too_deep', `{"a":1.5,"b":${'['.repeat(60_000)}${']'.repeat(60_000)}}`],
    ['excel_decimal', { ...good, record_id: '1001.0' }],
    ['wrong_type', { ...good, record_id: 7 }],
    ['member_missing', { ...good, record_id: undefined }],
    ['record_id_format', { ...good, record_id: 'no blanks here' }],
  ])('%s goes to the dead letters', (reason, value) => {
    expect(reasonOf(value)).toBe(reason);
  });

  const refusalOf = (value: unknown) => {
    const found = read(messageOf(value));
    return found.type === 'instruction' && !found.reading.ok ? found.reading.refusal : found;
  };
  const textOf = (amountDetails: string, rest = ''): string =>
    `{"record_id":"inv-1","batch_id":"may","kind":"payout","amount_details":${amountDetails}${rest}}`;

  it.each([
    ['unknown_member', 'colour', { ...good, batch_id: 'may', colour: 'red' }],
    ['event_too_large', null, { ...good, batch_id: 'may', metadata: 'x'.repeat(70_000) }],
    ['member_twice', 'amount_details.amount', textOf('{"amount":1000,"amount":200000,"currency":"eur"}')],
    ['member_twice', 'amount_details', textOf('{"amount":1001,"currency":"eur"}', ',"amount_details":{"amount":777,"currency":"usd"}')],
    ['member_twice', 'kind', textOf('{"amount":1,"currency":"eur"}', ',"kind":"payout"')],
    [
      'member_twice',
      'amount_details.note.1.a',
      textOf(String.raw`{"amount":1,"note":[{"a":"}"},{"a":1,"\u0061":2}]}`.replace('\\\\', '\\')),
    ],
  ])('whose record id can be read is rejected under it, in its batch: %s at %s', (code, column, value) => {
    expect(read(messageOf(value))).toMatchObject({ type: 'instruction', batchId: 'may' });
    expect(refusalOf(value)).toMatchObject({
      recordId: 'inv-1',
      batchId: 'may',
      problems: expect.arrayContaining([expect.objectContaining({ code, column })]),
    });
  });

  it('with a batch id twice is rejected in the batch of its day', () => {
    const value = textOf('{"amount":1000,"currency":"eur"}', ',"batch_id":"june"');
    expect(read(messageOf(value))).toMatchObject({ batchId: 'events-2026-11-20', reading: { refusal: { recordId: 'inv-1' } } });
  });

  it.each(['1e3', '1000.0', '1230.0000000000000001', '1E3', '10.5', '1e400'])(
    'whose amount is %s is rejected, in the name of its field',
    (literal) => {
      const value = JSON.stringify(good).replace('"amount":1000', `"amount":${literal}`);
      expect(value).toContain(literal);
      expect(refusalOf(value)).toMatchObject({
        recordId: 'inv-1',
        amountMinor: undefined,
        problems: [
          {
            code: 'amount_format',
            column: 'amount_details.amount',
            message: expect.stringMatching(/^amount_details\.amount must be a whole number/),
          },
        ],
      });
    },
  );

  it.each(['1.5', '1e3', '7.0', '1230.0000000000000001'])(
    'with the number %s elsewhere is rejected, for it would not be sent as it is',
    (literal) => {
      const value = JSON.stringify({ ...good, metadata: { rate: 0 } }).replace('"rate":0', `"rate":${literal}`);
      expect(refusalOf(value)).toMatchObject({ recordId: 'inv-1', problems: [{ code: 'number_format', column: 'metadata.rate' }] });
    },
  );

  it('that cannot be unpacked keeps the reason that was found', () => {
    expect(reasonOf(null, { poison: { reason: 'unreadable_batch', message: 'lz4' } })).toBe('unreadable_batch');
  });

  it('shows nothing of a value that could not be read', () => {
    expect(JSON.stringify(read(messageOf('{"card": 4111111111111111')))).not.toContain('4111');
  });

  it.each([[{ source_file: 'may.csv' }], [{ source_file: 'may.csv', source_line: '0', batch_id: 'a'.repeat(64) }], [{ batch_id: 'may' }]])(
    'with headers that are only half of a place goes to the dead letters: %j',
    (headers) => {
      const bytes = Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, Buffer.from(text as string)]));
      expect(reasonOf(good, { headers: bytes })).toBe('bad_headers');
    },
  );
});

describe('a row that run published', () => {
  const batch = { batchId: 'ab'.repeat(32), file: 'may.csv' } as Batch;
  const rows = kinds.flatMap((kind) => routeNames(kind).map((route) => [kind, route] as const));
  const published = (kind: (typeof kinds)[number], route: string, changes = {}) => {
    const draft = validOf(parseRow(rowOf(kind, route, { 'metadata.order': '77', ...changes })));
    const { value, headers } = toInstructionMessage({ seal }, { batch }, 7, draft);
    const bytes = Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, Buffer.from(text)]));
    return { draft, value, message: messageOf(value, { headers: bytes }) };
  };

  it.each(rows)('%s %s: is read back as exactly the same instruction, at its line', (kind, route) => {
    const { draft, message } = published(kind, route);
    expect(read(message)).toEqual({
      type: 'instruction',
      occurrence: { stream: `file:${batch.batchId}`, position: 7, source: { file: 'may.csv', line: 7 } },
      batchId: batch.batchId,
      reading: { ok: true, draft },
    });
  });

  it('carries no card data that can be read, and none that another key opens', () => {
    const cards = rows.filter(([kind, route]) => validOf(parseRow(rowOf(kind, route))).hasCardNumber);
    expect(cards.length).toBeGreaterThan(0);
    for (const [kind, route] of cards) {
      const { value, message } = published(kind, route);
      const row = rowOf(kind, route);
      for (const name of ['card_number', 'card_security_code', 'card_expiration_year'])
        if (row[name] !== undefined) expect(value).not.toContain(`"${row[name]}"`);
      const stranger = createTopicSeal(randomBytes(32));
      expect(readMessage(message, { now: at, open: stranger.open })).toMatchObject({ type: 'dead', reason: 'seal_broken' });
    }
  });
});
