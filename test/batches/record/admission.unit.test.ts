import { describe, expect, it } from 'vitest';
import { batchRejected, decideAdmission, type KnownRecord } from '../../../batches/record/admission.ts';
import type { FieldDigests } from '../../../batches/record/fingerprint.ts';
import type { ValidInstruction, Problem } from '../../../batches/instruction/instruction.ts';
import type { Admission, LedgerRecord } from '../../../batches/record/record.ts';
import { resultSchema } from '../../../batches/record/result-event.ts';
import { statuses, type RecordStatus } from '../../../batches/record/status.ts';
import { at, instructionOf, keys, queuedRecord, transitionSettings } from '../../support/builders.ts';

const draft = instructionOf('inv-1', { metadata: { order: '77' } });
const digests = (amount: number, rest: number): FieldDigests => {
  const bytes = Buffer.alloc(16);
  bytes.writeBigUInt64BE(BigInt(amount), 0);
  bytes.writeBigUInt64BE(BigInt(rest), 8);
  return { paths: 'amount_details.amount\ndescription', digests: bytes };
};
const problem: Problem = { code: 'iban_check_digits', column: 'iban', message: 'Correct it.', value: null };
const batchId = 'b'.repeat(64);
const occurrence = { stream: `file:${batchId}`, position: 9, source: { file: 'june.csv', line: 9 } };

const asked = (patch: Partial<ValidInstruction> = {}, fingerprint = 'print', fields = digests(1230, 1)): Admission => ({
  occurrence,
  batchId,
  at,
  content: { type: 'valid', draft: { ...draft, ...patch }, fingerprint, fields },
});
const knows = (record?: LedgerRecord, looseSequence = 0): KnownRecord => ({
  record,
  fields: () => digests(1230, 1),
  lastSequence: looseSequence,
});

describe('an instruction that is new', () => {
  it('becomes a queued record with the key of its first attempt', () => {
    const decision = decideAdmission(transitionSettings, asked(), knows());
    expect(decision).toMatchObject({
      type: 'admitted',
      record: {
        recordId: 'inv-1',
        status: 'queued',
        attempt: 1,
        sequence: 0,
        version: 1,
        sends: 0,
        batchId,
        idempotencyKey: keys.idempotencyKey('payout', 'inv-1', 1),
        metadata: { order: '77' },
      },
    });
  });

  it('continues the sequence of earlier events under its id', () => {
    const decision = decideAdmission(transitionSettings, asked(), knows(undefined, 4));
    expect(decision).toMatchObject({ type: 'admitted', record: { sequence: 4 } });
  });
});

describe('a record id', () => {
  const recordStatuses = statuses.filter((status): status is RecordStatus => status !== 'conflict' && status !== 'duplicate');

  it.each(recordStatuses)('is bound or free when its record is %s', (status) => {
    const meets = (sends: number): string => {
      const decision = decideAdmission(transitionSettings, asked(), knows(queuedRecord({ status, sends })));
      return decision.type === 'settled' ? decision.status : decision.type;
    };
    expect(meets(0)).toBe(status === 'rejected' || status === 'cancelled' ? 'admitted' : 'duplicate');
    expect(meets(1)).toBe(status === 'rejected' ? 'admitted' : 'duplicate');
  });

  it('that is free may be used for other content, in a later version', () => {
    const before = queuedRecord({ status: 'rejected', sequence: 2, version: 5, fingerprint: 'other' });
    const decision = decideAdmission(transitionSettings, asked(), knows(before));
    expect(decision).toMatchObject({ type: 'admitted', record: { status: 'queued', sequence: 2, version: 6, fingerprint: 'print' } });
  });
});

describe('an instruction whose id is bound', () => {
  const before = queuedRecord({ status: 'succeeded', sends: 1, sequence: 3 });

  it('is a duplicate when it asks for the same, and the earlier one is reported', () => {
    const decision = decideAdmission(transitionSettings, asked(), knows(before));
    if (decision.type !== 'settled') throw new Error('not settled');
    expect(decision).toMatchObject({ status: 'duplicate', sequence: 4 });
    expect(resultSchema.parse(decision.event)).toMatchObject({
      status: 'duplicate',
      final: true,
      earlier: { status: 'succeeded', batch_id: before.batchId, source: { file: 'may.csv', line: 2 } },
      source: { file: 'june.csv', line: 9 },
    });
    expect(decision.event.idempotency_key).toBeUndefined();
  });

  it.each([
    { name: 'content', admission: asked({}, 'other', digests(1231, 1)), fields: ['amount_details.amount'] },
    { name: 'kind', admission: asked({ kind: 'payment' }), fields: ['kind'] },
    {
      name: 'kind and content',
      admission: asked({ kind: 'payment' }, 'other', digests(1, 2)),
      fields: ['kind', 'amount_details.amount', 'description'],
    },
  ])('is a conflict when it asks for another $name, and the fields are named', ({ admission, fields }) => {
    const decision = decideAdmission(transitionSettings, admission, knows(before));
    if (decision.type !== 'settled') throw new Error('not settled');
    expect(decision.status).toBe('conflict');
    const event = resultSchema.parse(decision.event);
    expect(event).toMatchObject({ status: 'conflict', fields, error: { code: 'record_id_conflict' }, earlier: { status: 'succeeded' } });
    expect(event.amount_details).toEqual({ amount: 1230, currency: 'EUR' });
  });
});

describe('an instruction that broke a rule', () => {
  it('is rejected under its own name, whatever is known of it', () => {
    const content: Admission['content'] = {
      type: 'refused',
      refusal: { recordId: 'inv-1', kind: 'payout', amountMinor: 1n, currency: 'EUR', problems: [problem, batchRejected('a reason')] },
    };
    for (const record of [undefined, queuedRecord({ status: 'succeeded', sends: 1, sequence: 7 })]) {
      const decision = decideAdmission(transitionSettings, { ...asked(), content }, knows(record));
      if (decision.type !== 'settled') throw new Error('not settled');
      expect(decision).toMatchObject({ status: 'rejected', sequence: record === undefined ? 1 : 8 });
      expect(resultSchema.parse(decision.event)).toMatchObject({
        error: { code: 'iban_check_digits', field: 'iban' },
        errors: [{ code: 'iban_check_digits' }, { code: 'batch_refused' }],
      });
    }
  });

  it('may have nothing that can be read', () => {
    const refusal = { recordId: undefined, kind: undefined, amountMinor: undefined, currency: undefined, problems: [problem] as [Problem] };
    const decision = decideAdmission(transitionSettings, { ...asked(), content: { type: 'refused', refusal } }, knows(undefined));
    if (decision.type !== 'settled') throw new Error('not settled');
    const event = resultSchema.parse(decision.event);
    expect(Object.keys(event).toSorted()).toEqual([
      'batch_id',
      'error',
      'event_id',
      'final',
      'occurred_at',
      'sequence',
      'source',
      'status',
      'version',
    ]);
  });
});
