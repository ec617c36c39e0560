/** A message of the instructions topic: bytes to an instruction under its record id, or to a dead letter. */
import assert from 'node:assert/strict';
import { exampleRow, routeNames } from '../../../batches/instruction/templates.ts';
import { members } from '../../../batches/instruction/members.ts';
import { readMessage, type InstructionMessage } from '../../../batches/event/read-message.ts';
import { sealCards } from '../../../batches/event/sealed-cards.ts';
import { createTopicSeal } from '../../../src/ledger/seal.ts';
import { at, batchA, payoutEvent, templatePayment } from '../../support/builders.ts';
import { parseRow, validOf } from '../../support/parsing.ts';
import { checkInstruction } from '../instruction-checks.ts';
import type { Target } from '../target.ts';

const { close: seal, open } = createTopicSeal(Buffer.alloc(32, 5));

function eventSeeds(): readonly Buffer[] {
  const fromRows = (['payout', 'payment'] as const).flatMap((kind) =>
    routeNames(kind).map((route) => {
      const draft = validOf(parseRow({ ...exampleRow(kind, route) }));
      const body = draft.hasCardNumber ? sealCards(draft.body, (bytes) => seal(bytes, draft.recordId)) : draft.body;
      return Buffer.from(JSON.stringify({ record_id: draft.recordId, kind: draft.kind, ...body }));
    }),
  );
  const events = [
    payoutEvent('inv-1'),
    payoutEvent('inv-2', 1, { batch_id: 'may', metadata: { note: 'é 世界', nested: { list: [1, 2, { a: null }] } } }),
    { record_id: 'card-1', kind: 'payment', ...templatePayment, metadata: 'text' },
  ];
  return [...fromRows, ...events.map((event) => Buffer.from(JSON.stringify(event)))];
}

const tokens = [
  ...members.map(({ name }) => `"${name}":`),
  ...[
    '{"a":1}',
    '"record_id":"inv-1",',
    '"record_id":"inv-2",',
    '"kind":"payout",',
    '"amount":1000',
    '"amount":1000.0',
    '"amount":1e3',
    ',',
  ],
  ...['"sealed_cards":', '"metadata":', '"batch_id":"may",', '4242424242424242', '"DE89370400440532013000"', '"\\ud800"', '"\\u0000"'],
];

export const eventTarget = (): Target => ({
  name: 'event',
  share: 350,
  maxBytes: 300_000,
  seeds: eventSeeds(),
  tokens,
  run(bytes) {
    for (const headers of [{}, { source_file: Buffer.from('may.csv'), source_line: Buffer.from('7'), batch_id: Buffer.from(batchA) }])
      check({ topic: 'payouts.instructions', partition: 3, offset: 41n, timestamp: at, key: null, value: bytes, headers });
    // Headers are bytes of others too.
    const name = bytes.subarray(0, 80);
    check({
      topic: 't',
      partition: 0,
      offset: 0n,
      timestamp: -1,
      key: name,
      value: bytes,
      headers: { source_file: name, source_line: name },
    });
  },
  close: () => undefined,
});

function check(message: InstructionMessage): void {
  const read = readMessage(message, { now: at, maxAmount: new Map([['JPY', 500n]]), open });
  if (read.type === 'dead') {
    assert.match(read.reason, /^[a-z0-9_]+$/, 'a dead letter has a reason');
    assert.ok(read.message.length > 0);
    assert.doesNotMatch(read.message, /\d{12}/, 'the reason of a dead letter shows no number');
    return;
  }
  const { occurrence, batchId, reading } = read;
  assert.ok(batchId.length > 0);
  const isValid = checkInstruction(reading, occurrence, batchId);
  const recordId = reading.ok ? reading.draft.recordId : reading.refusal.recordId;
  assert.ok(recordId !== undefined, 'what is answered has a record id');
  if (!isValid || !reading.ok) return;
  const value = JSON.parse(message.value?.toString('utf8') ?? '') as { record_id: unknown; amount_details: { amount: unknown } };
  assert.equal(value.record_id, reading.draft.recordId, 'it is the record that the event names');
  assert.equal(BigInt(Number(value.amount_details.amount)), reading.draft.amountMinor, 'it is the amount of the event');
}
