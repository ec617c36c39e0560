/** What holds of every instruction, from wherever it came and whatever is in it. */
import assert from 'node:assert/strict';
import { maxAmountMinor } from '../../batches/fields/money.ts';
import type { Occurrence, ParseResult, Problem } from '../../batches/instruction/instruction.ts';
import { serialise } from '../../batches/pipeline/request-body.ts';
import { toAdmission } from '../../batches/pipeline/process-instruction.ts';
import { decideAdmission } from '../../batches/record/admission.ts';
import { checkAdmission, checkNewRecord } from '../../batches/record/check-change.ts';
import { createFingerprints } from '../../batches/record/fingerprint.ts';
import { readResultEvent, recordEvent, resultSchema } from '../../batches/record/result-event.ts';
import { at, keys, transitionSettings } from '../support/builders.ts';

const fingerprints = createFingerprints(Buffer.alloc(32, 3));
const digitRun = /\d{12}/;

/** No problem shows a number that may be a card or an account. */
export function checkProblems(problems: readonly Problem[]): void {
  for (const { code, message, value, column } of problems) {
    assert.match(code, /^[a-z0-9_]+$/, 'a code is snake case');
    assert.ok(message.length > 0 && message.length < 2_000, 'a message is a sentence');
    for (const text of [message, value ?? '', column ?? '']) assert.doesNotMatch(text, digitRun, 'no problem shows 12 digits in a row');
  }
}

/** @returns whether it is valid */
export function checkInstruction(reading: ParseResult, occurrence: Occurrence, batchId: string): boolean {
  checkProblems(reading.warnings ?? []);
  const content = toAdmission(fingerprints, reading);
  const admission = { occurrence, batchId, at, content };
  checkAdmission(admission);
  const decided = decideAdmission(transitionSettings, admission, {
    record: undefined,
    fields: () => assert.fail('there is no record'),
    lastSequence: 0,
  });
  if (!reading.ok) {
    checkProblems(reading.refusal.problems);
    assert.equal(decided.type, 'settled');
    if (decided.type === 'settled') checkEvent(decided.event);
    return false;
  }
  const { draft } = reading;
  assert.ok(draft.amountMinor >= 1n && draft.amountMinor <= maxAmountMinor, 'an amount is in bounds');
  assert.match(draft.currency, /^[A-Z]{3}$/);
  assert.doesNotMatch(draft.destination ?? '', digitRun, 'a destination is masked');
  assert.equal(decided.type, 'admitted');
  if (decided.type !== 'admitted') return true;
  checkNewRecord(decided.record);
  const ended = { ...decided.record, status: 'rejected' as const, sequence: decided.record.sequence + 1 };
  checkEvent(recordEvent(keys, ended, at));
  const body = JSON.parse(serialise(draft, decided.record).toString('utf8')) as { metadata: Record<string, unknown> };
  assert.equal(body.metadata['record_id'], draft.recordId, 'the body names its record');
  assert.equal(body.metadata['idempotency_key'], decided.record.idempotencyKey);
  return true;
}

/** It is written as documented, and read again as it was. */
function checkEvent(event: unknown): void {
  const text = JSON.stringify(event);
  const parsed = resultSchema.safeParse(JSON.parse(text));
  assert.ok(parsed.success, `a result event is as its schema says: ${parsed.error?.message}`);
  const read = readResultEvent(text);
  assert.ok(read !== undefined, 'a result event is read again');
  assert.deepEqual(read, JSON.parse(text), 'a result event is read as it was written');
}
