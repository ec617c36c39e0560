/** What others read back: a result event, an alert, a whole results file. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { alertEvent, alertSchema } from '../../../batches/record/alert-event.ts';
import { readResultEvent, recordEvent, rejectedEvent, resultReaderSchema, type ResultEvent } from '../../../batches/record/result-event.ts';
import { readResults } from '../../../producers/results-reader.ts';
import { at, batchA, keys, lineOf, refused, sentRecord } from '../../support/builders.ts';
import type { Target } from '../target.ts';

const ended = sentRecord({
  status: 'succeeded',
  sequence: 2,
  sessionId: 'ps_1',
  entryId: 'po_1',
  metadata: { note: 'é 世界', list: [1, { a: null }] },
});
const open = sentRecord({ status: 'unknown', sequence: 1, reason: { code: 'connection_lost', description: 'The connection was lost.' } });
const rejection = refused();

function events(): readonly object[] {
  if (rejection.type !== 'refused') throw new Error('it is a refusal');
  const frame = { occurrence: lineOf(batchA, 2), batchId: batchA, sequence: 1, at, refusal: rejection.refusal };
  const alert = {
    alert: 'second_session',
    recordId: 'inv-1',
    batchId: batchA,
    fact: 'ps_2',
    sessionId: 'ps_2',
    description: 'Look.',
  } as const;
  const amounts = { expected: { amount: '1230', currency: 'EUR' }, seen: [{ amount: '1231', currency: 'EUR' }] };
  return [
    recordEvent(keys, ended, at),
    recordEvent(keys, open, at),
    rejectedEvent(keys, frame),
    alertEvent(keys, { ...alert, ...amounts }, at),
  ];
}

/** JSON writes -0 as 0. */
const withoutMinusZero = (_name: string, value: unknown): unknown => (value === 0 ? 0 : value);

const members = Object.keys(resultReaderSchema.shape).map((name) => `"${name}":`);

export const reportTarget = (): Target => {
  const folder = mkdtempSync(join(tmpdir(), 'disburse-fuzz-results-'));
  const path = join(folder, 'results.jsonl');
  const lines = events().map((event) => JSON.stringify(event));
  return {
    name: 'report',
    share: 50,
    maxBytes: 200_000,
    seeds: [...lines, `${lines.join('\n')}\n`].map((text) => Buffer.from(text)),
    tokens: [
      ...members,
      '\n',
      '"succeeded"',
      '"unknown"',
      '"version":1',
      '"version":2',
      '1.0',
      '1e0',
      '{"file":"a","line":1}',
      '"2026-11-21T08:00:00.000Z"',
    ],
    async run(bytes) {
      const text = bytes.toString('utf8');
      const event = readResultEvent(text);
      if (event !== undefined) checkEvent(event);
      const alert = attempt(() => alertSchema.safeParse(JSON.parse(text, withoutMinusZero)).data);
      if (alert !== undefined) assert.deepEqual(alertSchema.parse(JSON.parse(JSON.stringify(alert))), alert, 'an alert is read again');
      await checkFile(bytes);
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  };

  /** Every line is an event or is named; the last one without its line end is not there yet. */
  async function checkFile(bytes: Buffer): Promise<void> {
    writeFileSync(path, bytes);
    let skipped = 0;
    let found = 0;
    for await (const event of readResults(path, { onSkipped: () => void (skipped += 1) })) {
      found += 1;
      assert.ok(typeof event.event_id === 'string' && typeof event.status === 'string' && typeof event.batch_id === 'string');
    }
    const whole = bytes.subarray(0, bytes.lastIndexOf(0x0a) + 1);
    const count = whole.filter((byte) => byte === 0x0a).length;
    assert.equal(found + skipped, count, 'every line is an event or is reported');
  }
};

function checkEvent(event: ResultEvent): void {
  // A member that no reader knows may hold a number that JSON does not have.
  const text = JSON.stringify(event);
  assert.equal(JSON.stringify(readResultEvent(text)), text, 'what was read is written and read again');
  assert.ok(Number.isSafeInteger(event.sequence) && event.sequence >= 1);
  const amount = event.amount_details?.amount;
  assert.ok(amount === undefined || Number.isSafeInteger(amount));
}

function attempt<Result>(work: () => Result): Result | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
