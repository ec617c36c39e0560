import { describe, expect, it } from 'vitest';
import { LedgerClosedError, LedgerError, LedgerSchemaError, LedgerWriteError } from '../../../../src/ledger/errors.ts';
import { errorMessage, readErrorMessage } from '../../../../src/ledger/sqlite/thread-messages.ts';
import {
  admissionText,
  changeText,
  readAdmission,
  readChange,
  readVerdict,
  verdictText,
} from '../../../../src/ledger/sqlite/thread-texts.ts';
import { admission, at, batchA, instructionOf, lineOf, queuedRecord, refused, valid } from '../../../support/builders.ts';
import type { LedgerRecord } from '../../../../batches/record/record.ts';
import type { Change } from '../../../../batches/record/change.ts';

/** Every member has a value of its own. */
const full: LedgerRecord = {
  ...queuedRecord(),
  amountMinor: 9_007_199_254_740_991n,
  destination: 'DE** 5678 \u2028',
  metadata: { order: { nested: [1, null, 'x'] } },
  hasCardNumber: false,
  attempt: 2,
  status: 'submitting',
  sequence: 3,
  version: 5,
  firstSentAt: at + 0.25,
  sentClocks: { wallAt: at + 1.5, uptimeMs: 12.5 },
  keyLifetimeMs: 1_000,
  idempotencyHeader: 'X-Header',
  sends: 4,
  alreadyReceived: true,
  sessionId: 'ps_1',
  isSessionProven: true,
  entryId: 'po_1',
  confirmSession: 'ps_2',
  cancelSession: 'ps_3',
  reason: { code: 'a', description: 'b' },
  resend: { code: 'c', description: 'd' },
  dueAt: at + 2.5,
  checks: 6,
  audit: { number: 7, chain: 'ab'.repeat(32) },
  alerts: [{ alert: 'e', fact: 'f', at: 8, acknowledged: true }],
  resolvedBy: 'g',
  awaitsConfirmationSince: at + 9,
  previousSession: 'ps_4',
  amendments: [{ fingerprint: 'h', destination: 'i' }],
  leaseOwner: 'j',
  leaseUntil: at + 10,
};
const everyByte = Uint8Array.from({ length: 256 }, (_, index) => index);

describe('a record between threads', () => {
  it.each([
    ['with every member', full],
    ['without optional ones', queuedRecord({ destination: undefined, metadata: undefined })],
  ])('%s comes as it went', (_, record) => {
    expect(readVerdict(verdictText('open', record))).toEqual({ type: 'open', record });
  });
});

describe('a change between threads', () => {
  const audit = [{ number: 7, text: '{"number":7}', hash: 'ab'.repeat(16) }];
  const changes: readonly [string, Change][] = [
    ['with a body to keep', { expected: 4, after: full, audit, body: { keep: everyByte } }],
    ['with a body to erase', { expected: 4, after: full, body: { eraseAt: 0 } }],
    ['with an intent', { expected: 4, after: full, intent: { marginMs: 1, clocks: { wallAt: 2.5, uptimeMs: null } } }],
    ['with nothing else', { expected: 4, after: full }],
  ];
  it.each(changes)('%s comes as it went', (_, change) => {
    const read = readChange(structuredClone(changeText(change)));
    expect({
      ...read,
      ...(read.body !== undefined && 'keep' in read.body ? { body: { keep: new Uint8Array(read.body.keep) } } : {}),
    }).toEqual(change);
  });

  it('that no rule can have decided is refused before it goes', () => {
    expect(() => changeText({ expected: 9, after: full })).toThrow(TypeError);
  });
});

describe('an admission between threads', () => {
  it('of a valid instruction comes without its body, which a ledger is given later', () => {
    const asked = admission(lineOf(batchA, 2), valid(instructionOf('inv-1', { metadata: 'm' })));
    const read = readAdmission(structuredClone(admissionText(asked)));
    if (asked.content.type !== 'valid' || read.content.type !== 'valid') throw new Error('not valid');
    expect(read).toEqual({ ...asked, content: { ...asked.content, draft: { ...asked.content.draft, body: {} } } });
    expect(Buffer.from(read.content.fields.digests).equals(asked.content.fields.digests)).toBe(true);
  });

  it.each([
    ['that was read', refused()],
    ['of which nothing was read', refused({ recordId: undefined, kind: undefined, amountMinor: undefined, currency: undefined })],
  ])('of a refused instruction %s comes as it went', (_, content) => {
    const asked = admission(lineOf(batchA, 3), content);
    expect(readAdmission(structuredClone(admissionText(asked)))).toEqual(asked);
  });
});

describe('an error between threads', () => {
  it.each([
    new LedgerWriteError('full', { cause: new Error('disk', { cause: new Error('deep') }) }),
    new LedgerSchemaError('old'),
    new LedgerClosedError(),
  ])('of a ledger stays what it is: %s', (error) => {
    const read = readErrorMessage(structuredClone(errorMessage(error)));
    expect(read).toBeInstanceOf(LedgerError);
    expect(read).toBeInstanceOf(error.constructor);
    expect(read).toMatchObject({ name: error.name, message: error.message, code: error.code, exitCode: error.exitCode });
    expect(read.cause).toEqual(error.cause);
  });

  it.each([new TypeError('a'), new RangeError('b'), new Error('c')])('of a call stays what it is: %s', (error) => {
    const read = readErrorMessage(structuredClone(errorMessage(error)));
    expect(read).toBeInstanceOf(error.constructor);
    expect(read).toMatchObject({ name: error.name, message: error.message, stack: error.stack });
  });
});
