import { describe, expect, it } from 'vitest';
import type { GatewayResponse } from '../../../batches/gateway/gateway-response.ts';
import { readResponse, readResendResponse, readSession } from '../../../batches/record/evidence.ts';
import { failureClass, gatewayCodes } from '../../../batches/gateway/failure-codes.ts';
import { queuedRecord, sentRecord, session } from '../../support/builders.ts';

const record = sentRecord();
const http = (httpStatus: number, json?: unknown): GatewayResponse => ({ type: 'answer', httpStatus, json });
const errorAnswer = (code: string, httpStatus = 400): GatewayResponse =>
  http(httpStatus, { status: 'error', error: { code, description: 'why' } });

describe('an answer to a first send', () => {
  it.each(gatewayCodes)('means what the table says: %s', (code) => {
    const finding = readResponse(errorAnswer(code), record);
    const decision = failureClass[code];
    expect(finding.type).toBe(decision === 'setup' ? 'not_sent' : decision);
    expect(finding).toMatchObject({ code, reason: { code }, stop: decision === 'setup' });
    // A body with status error under HTTP 200 means the same.
    expect(readResponse(errorAnswer(code, 200), record).type).toBe(finding.type);
    // Under a 5xx nothing it says is proof.
    expect(readResponse(errorAnswer(code, 502), record).type).toBe('open');
  });

  it('leaves a code that nobody listed to a person', () => {
    expect(readResponse(errorAnswer('brand_new_code'), record)).toMatchObject({
      type: 'person',
      code: 'code_unlisted',
      reason: { code: 'brand_new_code' },
    });
  });

  it('takes 429 as not sent, with the pause that was asked for', () => {
    const answer: GatewayResponse = { type: 'answer', httpStatus: 429, json: undefined, retryAfterMs: 3000 };
    expect(readResponse(answer, record)).toMatchObject({ type: 'not_sent', code: 'too_many_requests', retryAfterMs: 3000, stop: false });
  });

  it.each([
    [301, 'redirected'],
    [401, 'http_unexpected'],
    [404, 'http_unexpected'],
  ])('stops the run at HTTP %i without the error form, and holds the send open', (status, code) => {
    expect(readResponse(http(status, '<html>'), record)).toMatchObject({ type: 'open', code, stop: true });
  });

  it.each([
    ['no JSON', undefined],
    ['an array', []],
    ['ok without a session', { status: 'ok' }],
    ['a session without id', { status: 'ok', session: { status: 'in_progress' } }],
    ['a session of another record', { status: 'ok', session: session({ metadata: { record_id: 'inv-2', attempt: 1 } }) }],
    ['a session of another attempt', { status: 'ok', session: session({ metadata: { record_id: 'inv-1', attempt: 2 } }) }],
  ])('does not trust %s', (_name, json) => {
    expect(readResponse(http(200, json), record)).toMatchObject({ type: 'open', code: 'answer_untrusted', stop: false });
  });

  it('reads a session', () => {
    expect(readResponse(http(200, { status: 'ok', session: session() }), record)).toEqual({
      type: 'sighting',
      sighting: { sessionId: 'ps_1', entryId: 'po_1', state: 'pending', amount: 'equal', reason: null },
    });
  });

  it('masks long digits in what the gateway says', () => {
    const finding = readResponse(
      http(400, { status: 'error', error: { code: 'invalid_request', description: 'card 4242424242424242 is bad' } }),
      record,
    );
    expect(JSON.stringify(finding)).not.toContain('4242424242424242');
  });
});

describe('an answer to a repeat of an open send', () => {
  it.each(gatewayCodes)('never makes it refused or unsent: %s', (code) => {
    expect(readResendResponse(errorAnswer(code), record).type).not.toBe('refused');
    expect(readResendResponse(errorAnswer(code), record).type).not.toBe('not_sent');
  });

  it('never takes a refused connection or a 429 for proof', () => {
    expect(readResendResponse({ type: 'transport', proof: 'not_sent', code: 'connection_refused', message: 'm' }, record).type).toBe(
      'open',
    );
    expect(readResendResponse(http(429), record).type).toBe('open');
  });
});

describe('a session', () => {
  it.each([
    ['in_progress', 'in_progress', undefined, 'pending'],
    ['created', 'in_progress', undefined, 'pending'],
    ['in_progress', 'pending', 'confirm', 'awaiting_confirmation'],
    ['in_progress', 'pending', undefined, 'pending'],
    ['accepted', 'succeeded', undefined, 'succeeded'],
    ['accepted', 'failed', undefined, 'failed'],
    ['cancelled', 'failed', undefined, 'failed'],
    // A session error is not final, not even beside a failed entry.
    ['error', 'failed', undefined, 'pending'],
    ['error', 'in_progress', undefined, 'pending'],
    ['cancelled', 'in_progress', undefined, 'cancelled'],
    ['canceled', 'pending', 'confirm', 'cancelled'],
  ])('%s with entry %s and next action %s reads as %s', (status, entryStatus, nextAction, state) => {
    expect(readSession(session({ status, entryStatus, ...(nextAction === undefined ? {} : { nextAction }) }), record)).toMatchObject({
      state,
    });
  });

  it.each([
    ['equal', 1230, 'EUR'],
    ['equal', 1230, 'eur'],
    ['different', 1231, 'eur'],
    ['different', 1230, 'usd'],
    ['different', '1230', 'eur'],
    ['different', 1230.5, 'eur'],
    ['missing', undefined, 'eur'],
    ['missing', null, 'eur'],
  ] as const)('holds the amount against the ledger: %s for %s %s', (verdict, amount, currency) => {
    expect(readSession(session({ amount, currency }), record)).toMatchObject({ amount: verdict });
  });

  it('is not believed when it is another one than the record has', () => {
    expect(readSession(session({ id: 'ps_2' }), sentRecord({ sessionId: 'ps_1' }))).toBeUndefined();
  });

  it('takes silence about the record for no objection', () => {
    expect(readSession(session({ metadata: 'good' }), record)).toMatchObject({ state: 'pending' });
    expect(readSession(session({ metadata: undefined }), record)).toMatchObject({ state: 'pending' });
  });

  it('finds its own entry among several, and believes none without one', () => {
    const two = session();
    const other = {
      id: 'po_2',
      status: 'succeeded',
      amount_details: { amount: 5, currency: 'eur' },
      metadata: { record_id: 'inv-2', attempt: 1 },
    };
    two['payments'] = [other, ...(two['payments'] as unknown[])];
    expect(readSession(two, record)).toMatchObject({ entryId: 'po_1', state: 'pending', amount: 'equal' });
    two['payments'] = [other];
    expect(readSession(two, record)).toBeUndefined();
  });

  it('looks for payments of a payment under their own name', () => {
    const { payments, ...rest } = session();
    expect(readSession({ ...rest, acquiring_payments: payments }, queuedRecord({ kind: 'payment' }))).toMatchObject({ entryId: 'po_1' });
  });
});
