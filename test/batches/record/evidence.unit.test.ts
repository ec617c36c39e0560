import { describe, expect, it } from 'vitest';
import { failureClass, gatewayCodes, responseCodes } from '../../../batches/gateway/failure-codes.ts';
import { transportCodes, type GatewayResponse } from '../../../batches/gateway/gateway-response.ts';
import { readFirstSend, readResend, readStatusCheck } from '../../../batches/record/evidence.ts';
import { sentRecord, session } from '../../support/builders.ts';

const record = sentRecord();
const http = (httpStatus: number, json?: unknown): GatewayResponse => ({ type: 'answer', httpStatus, json });
const errorAnswer = (code: string, httpStatus = 400): GatewayResponse =>
  http(httpStatus, { status: 'error', error: { code, description: 'why' } });
const transport = (code: (typeof transportCodes)[number]): GatewayResponse => ({ type: 'transport', proof: 'open', code, message: 'm' });

describe('readFirstSend', () => {
  it.each(gatewayCodes)('takes the code %s as the table of codes says, and under a 5xx as open', (code) => {
    expect(readFirstSend(errorAnswer(code), record)).toMatchObject({ type: failureClass[code], code, reason: { code } });
    // A body with status error under HTTP 200 means the same.
    expect(readFirstSend(errorAnswer(code, 200), record).type).toBe(failureClass[code]);
    if (code === 'idempotency_key_already_exists') return;
    expect(readFirstSend(errorAnswer(code, 502), record)).toMatchObject({ type: 'open', code: 'server_error' });
  });

  it.each([200, 400, 409, 429, 500, 503])('takes a key that the gateway knows as proof of arrival under HTTP %i', (status) => {
    const answer = errorAnswer('idempotency_key_already_exists', status);
    expect(readFirstSend(answer, record).type).toBe('already_received');
    expect(readResend(answer, record).type).toBe('already_received');
  });

  it.each([
    ['beside the error', { session_id: 'ps_1' }],
    ['in the error', { error: { code: 'invalid_request', session_id: 'ps_1' } }],
    ['whole in the error', { error: { code: 'invalid_request', session: session() } }],
    ['in a list', { sessions: [session()] }],
  ])('holds a refusal open that names a session %s', (_name, more) => {
    for (const status of [200, 400, 401, 429])
      expect(readFirstSend(http(status, { status: 'error', error: { code: 'invalid_request' }, ...more }), record).type).toBe('open');
    const nameless = { status: 'error', error: { code: 'invalid_request', session: null }, session_id: null, sessions: [] };
    expect(readFirstSend(http(400, nameless), record).type).toBe('refused');
  });

  it('leaves a code that is not in the table to a person', () => {
    expect(readFirstSend(errorAnswer('brand_new_code'), record)).toMatchObject({
      type: 'manual_review',
      code: 'code_unlisted',
      reason: { code: 'brand_new_code' },
    });
  });

  it('takes 429 as not sent, with the pause that was asked for', () => {
    const answer: GatewayResponse = { type: 'answer', httpStatus: 429, json: undefined, retryAfterMs: 3000 };
    expect(readFirstSend(answer, record)).toMatchObject({ type: 'not_sent', code: 'too_many_requests', retryAfterMs: 3000 });
  });

  it.each([
    [301, 'redirected'],
    [401, 'http_unexpected'],
    [404, 'http_unexpected'],
  ])('holds a send open that HTTP %i without the error form answers (%s)', (status, code) => {
    expect(readFirstSend(http(status, '<html>'), record)).toMatchObject({ type: 'open', code });
  });

  it.each([
    ['no JSON', undefined],
    ['an array', []],
    ['ok without a session', { status: 'ok' }],
    ['a session without id', { status: 'ok', session: { status: 'in_progress' } }],
    ['a session of another record', { status: 'ok', session: session({ metadata: { record_id: 'inv-2', attempt: 1 } }) }],
    ['a session of another attempt', { status: 'ok', session: session({ metadata: { record_id: 'inv-1', attempt: 2 } }) }],
    [
      'a refusal with a session of another record',
      { status: 'error', error: { code: 'invalid_request' }, session: session({ metadata: { record_id: 'x', attempt: 1 } }) },
    ],
    ['an amount that is a text', { status: 'ok', session: session({ amount: '1230' }) }],
    ['an amount with a fraction', { status: 'ok', session: session({ amount: 1230.5 }) }],
    ['a list of entries that is none', { status: 'ok', session: { ...session(), payments: 'po_1' } }],
    ['an entry that is none', { status: 'ok', session: { ...session(), payments: [null] } }],
  ])('holds a send open that is answered with %s', (_name, json) => {
    expect(readFirstSend(http(200, json), record)).toMatchObject({ type: 'open', code: 'answer_untrusted' });
  });

  it('reads the session of an accepted send', () => {
    expect(readFirstSend(http(200, { status: 'ok', session: session() }), record)).toEqual({
      type: 'session',
      session: {
        sessionId: 'ps_1',
        entryId: 'po_1',
        isProven: true,
        verdict: { type: 'pending' },
        reason: null,
        payer: null,
        refunds: [],
        updatedAt: undefined,
        shown: [{ amount: '1230', currency: 'EUR' }],
      },
    });
  });

  it.each([
    [400, { status: 'error', error: { code: 'invalid_request' } }],
    [200, { status: 'error', error: { code: 'account_not_found' } }],
    [401, { status: 'error', error: { code: 'authentication_error' } }],
    [429, {}],
    [500, {}],
  ])('takes HTTP %i with %j and a session for an accepted send', (status, json) => {
    expect(readFirstSend(http(status, { ...json, session: session() }), record).type).toBe('session');
  });

  it('masks long digits in what the gateway says', () => {
    const found = readFirstSend(
      http(400, { status: 'error', error: { code: 'invalid_request', description: 'card 4242424242424242 is bad' } }),
      record,
    );
    expect(JSON.stringify(found)).not.toContain('4242424242424242');
  });
});

describe('readResend', () => {
  const answers = [...gatewayCodes.map((code) => errorAnswer(code)), ...transportCodes.map(transport), http(429), http(404), http(302)];

  it('never concludes that an open send is refused or was not sent', () => {
    for (const answer of answers) expect(['already_received', 'not_made', 'nothing_new']).toContain(readResend(answer, record).type);
  });

  it('does not count a resend that did not leave, or was turned away unread', () => {
    const notMade = [...transportCodes.filter((code) => failureClass[code] === 'not_sent').map(transport), http(429)];
    for (const answer of notMade) expect(readResend(answer, record).type).toBe('not_made');
    expect(readResend(transport('connection_lost'), record).type).toBe('nothing_new');
  });

  it('takes a key that is known already for proof of arrival', () => {
    expect(readResend(errorAnswer('idempotency_key_already_exists'), record).type).toBe('already_received');
  });

  it('reports a configuration error when the gateway rejects the configuration', () => {
    expect(readResend(errorAnswer('authentication_error', 401), record)).toMatchObject({ type: 'nothing_new', isConfigError: true });
    expect(readResend(errorAnswer('account_not_found'), record)).toMatchObject({ type: 'nothing_new', isConfigError: false });
  });
});

describe('readStatusCheck', () => {
  it('concludes nothing from an answer without a session, whatever its code', () => {
    const answers = [...gatewayCodes, ...responseCodes].map((code) => errorAnswer(code));
    for (const answer of [...answers, http(404, 'Not found'), transport('connection_lost')])
      expect(readStatusCheck(answer, record).type).toBe('none');
  });

  it('reads the session that it shows', () => {
    expect(readStatusCheck(http(200, { status: 'ok', session: session() }), record).type).toBe('session');
  });
});
