import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createFingerprints } from '../../../batches/record/fingerprint.ts';
import type { SharedLedger } from '../../../batches/ports/ledger.ts';
import { recordEvent, rejectedEvent, type ResultEvent } from '../../../batches/record/result-event.ts';
import type { LedgerRecord } from '../../../batches/record/record.ts';
import { readMessage, type InstructionMessage } from '../../../batches/event/read-message.ts';
import { rebuild } from '../../../src/recovery/rebuild-ledger.ts';
import { payoutEvent, queuedRecord, transitionSettings } from '../../support/builders.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

const now = Date.parse('2026-11-21T08:00:00.000Z');
const fingerprints = createFingerprints(randomBytes(32));
const topic = 'pay.instructions';

const message = (offset: number, value: unknown, timestamp = now - 60_000): InstructionMessage => ({
  topic,
  partition: 0,
  offset: BigInt(offset),
  timestamp,
  key: null,
  value: Buffer.from(JSON.stringify(value)),
  headers: {},
});
const place = (offset: number) => ({
  stream: `topic:${topic}:0`,
  position: offset,
  source: { topic, partition: 0, offset: String(offset) },
});

/** What a record told when it was so. */
const told = (offset: number, patch: Partial<LedgerRecord>): ResultEvent =>
  recordEvent(transitionSettings.keys, { ...queuedRecord({ batchId: 'may', occurrence: place(offset), ...patch }) }, now - 30_000);

async function* each<Item>(items: readonly Item[]): AsyncGenerator<Item> {
  yield* items;
}

async function rebuilt(results: readonly ResultEvent[], instructions: readonly InstructionMessage[], limit?: bigint) {
  const restored: Parameters<SharedLedger['restore']>[0][] = [];
  const settled: Parameters<SharedLedger['restoreSettled']>[0][] = [];
  const phases: unknown[] = [];
  const open = (): never => {
    throw new Error('nothing is sealed here');
  };
  const ledger = {
    openBatch: async () => undefined,
    updateBatch: async (change: unknown) => void phases.push(change),
    restore: async (one: (typeof restored)[number]) => void restored.push(one),
    restoreSettled: async (one: (typeof settled)[number]) => void settled.push(one),
    countDeadLetter: async () => undefined,
  } as unknown as SharedLedger;
  const report = await rebuild({
    ledger,
    rules: transitionSettings,
    fingerprints,
    clock: createVirtualClock(now),
    read: (one) => readMessage(one, { now: one.timestamp, open }),
    isWithinLimits: (one) => {
      const found = readMessage(one, { now, open, ...(limit === undefined ? {} : { maxAmount: new Map([['EUR', limit]]) }) });
      return found.type === 'instruction' && found.reading.ok;
    },
    results: each(results),
    instructions: each(instructions),
    deadLetters: each([]),
    onProgress: () => undefined,
  });
  return { report, restored, settled, phases };
}

describe('an instruction without any result', () => {
  it('is unknown, first sent when it reached the broker, and never resent, as the terms of its send are not known', async () => {
    const { restored, report } = await rebuilt([], [message(3, payoutEvent('inv-1'))]);
    expect(restored).toMatchObject([
      {
        record: {
          recordId: 'inv-1',
          status: 'unknown',
          sends: 1,
          firstSentAt: now - 60_000,
          dueAt: null,
          keyLifetimeMs: null,
          sequence: 1,
          idempotencyKey: transitionSettings.keys.idempotencyKey('payout', 'inv-1', 1),
          occurrence: place(3),
        },
        event: { status: 'unknown', sequence: 1 },
      },
    ]);
    expect(JSON.parse(Buffer.from(restored[0]?.body ?? []).toString())).toMatchObject({ metadata: { record_id: 'inv-1', attempt: 1 } });
    expect(report).toMatchObject({ without_result: 1, records: { unknown: 1 } });
  });

  it("has a key that never seems younger than now, whatever the producer's clock said", async () => {
    const { restored } = await rebuilt([], [message(3, payoutEvent('inv-1'), now + 3_000_000)]);
    expect(restored[0]?.record.firstSentAt).toBe(now);
  });

  it('above the limit of now is left to a person', async () => {
    const { restored } = await rebuilt([], [message(3, payoutEvent('inv-1', 5_000))], 1_000n);
    expect(restored).toMatchObject([{ record: { status: 'unknown', dueAt: null } }]);
    expect(restored[0]?.body).toBeUndefined();
  });

  it('whose id was told as rejected at another place was perhaps sent: never fresh', async () => {
    const fallen = told(1, { recordId: 'inv-1', status: 'rejected', sequence: 1, reason: { code: 'batch_refused', description: 'fell' } });
    const { restored, settled } = await rebuilt([fallen], [message(1, payoutEvent('inv-1', 7)), message(9, payoutEvent('inv-1'))]);
    expect(restored).toMatchObject([{ record: { recordId: 'inv-1', status: 'unknown', sends: 1, sequence: 2, occurrence: place(9) } }]);
    expect(settled).toMatchObject([{ occurrence: place(1), status: 'rejected' }]);
  });
});

describe('an instruction with results', () => {
  it('stands where its newest result left it', async () => {
    const open = told(1, { status: 'in_progress', sequence: 1, sends: 1, sessionId: 'ps_1' });
    const done = told(1, { status: 'succeeded', sequence: 2, sends: 1, sessionId: 'ps_1', entryId: 'po_1' });
    const { restored } = await rebuilt([done, open, done], [message(1, payoutEvent('inv-1'))]);
    expect(restored).toMatchObject([{ record: { status: 'succeeded', sequence: 2, sessionId: 'ps_1', entryId: 'po_1', dueAt: null } }]);
    expect(restored[0]?.event).toBeUndefined();
  });

  it('that is in progress is looked at again', async () => {
    const { restored } = await rebuilt([told(1, { status: 'in_progress', sequence: 1, sends: 1, sessionId: 'ps_1' })], []);
    expect(restored).toMatchObject([{ record: { status: 'in_progress', sessionId: 'ps_1', dueAt: now } }]);
  });

  it('without its message any more is never repeated, as its bytes are not known', async () => {
    const { restored } = await rebuilt([told(1, { status: 'unknown', sequence: 1, sends: 1 })], []);
    expect(restored).toMatchObject([{ record: { status: 'unknown', hasCardNumber: false, dueAt: null } }]);
  });

  it('of its place only is settled, with its amount', async () => {
    const refused = rejectedEvent(transitionSettings.keys, {
      refusal: {
        recordId: 'inv-7',
        kind: 'payout',
        amountMinor: 77n,
        currency: 'EUR',
        problems: [{ code: 'iban_length', column: 'iban', message: 'no', value: null }],
      },
      occurrence: place(4),
      batchId: 'may',
      sequence: 1,
      at: now,
    });
    const { settled, restored } = await rebuilt([refused], [message(4, payoutEvent('inv-7'))]);
    expect(settled).toMatchObject([{ occurrence: place(4), status: 'rejected', amountMinor: 77n, currency: 'EUR' }]);
    expect(restored).toEqual([]);
  });
});

it('a file of which nothing was handed over is decided anew when it is run again', async () => {
  const batchId = 'ab'.repeat(32);
  const fallen = told(1, {
    batchId,
    occurrence: { stream: `file:${batchId}`, position: 2, source: { file: 'may.csv', line: 2 } },
    status: 'rejected',
    sequence: 1,
    reason: { code: 'batch_refused', description: 'fell' },
  });
  const { phases } = await rebuilt([fallen], []);
  expect(phases).toMatchObject([{ batchId, phase: 'admitting' }]);
});
