/** The documents of docs/gateway.md: each webhook and answer as the gateway sends it, and the status that follows. */
import { describe, expect, it } from 'vitest';
import { applyFirstSend, applySession } from '../../../batches/record/apply-evidence.ts';
import { readFirstSend, readStatusCheck } from '../../../batches/record/evidence.ts';
import type { LedgerRecord } from '../../../batches/record/record.ts';
import { learnFromWebhook, webhookTypes, type WebhookType } from '../../../batches/record/webhook-evidence.ts';
import type { Kind } from '../../../batches/instruction/instruction.ts';
import { parseStrictJson, withNumbers } from '../../../batches/fields/strict-json.ts';
import { at, keys, sentRecord, transitionSettings } from '../../support/builders.ts';

const keyOf = (kind: Kind): string => keys.idempotencyKey(kind, 'inv-1', 1);
const sent = (kind: Kind, patch: Partial<LedgerRecord> = {}): LedgerRecord => sentRecord({ kind, idempotencyKey: keyOf(kind), ...patch });
const followed = (kind: Kind, patch: Partial<LedgerRecord> = {}): LedgerRecord =>
  sent(kind, {
    ...{ status: 'in_progress', sessionId: 'ps_3230', isSessionProven: true, alreadyReceived: true, entryId: null },
    ...{ leaseOwner: null, leaseUntil: null },
    ...patch,
  });

interface Parts {
  readonly session: string;
  readonly entry: string;
  /** More members of the session, and of the entry. */
  readonly more?: string;
  readonly ofEntry?: string;
}

/** A session as the documentation prints it. */
const sessionText = (kind: Kind, { session, entry, more = '', ofEntry = '' }: Parts): string => `{
    "id": "ps_3230",
    "status": "${session}",
    "created_at": "2026-11-21T07:59:59.000000Z",
    "updated_at": "2026-11-21T08:00:01.000000Z"${more},
    "${kind === 'payout' ? 'payments' : 'acquiring_payments'}": [
      {
        "id": "${kind === 'payout' ? 'po_1313' : 'pm_1313'}",
        "status": "${entry}",
        "created_at": "2026-11-21T08:00:00.000000Z",
        "customer": { "reference": "lucky" },
        "amount_details": { "amount": 1230, "currency": "eur" },
        "metadata": { "order": "77", "record_id": "inv-1", "attempt": 1, "idempotency_key": "${keyOf(kind)}" }${ofEntry}
      }
    ]
  }`;

const parse = (text: string): unknown => withNumbers(parseStrictJson(text));
const webhookOf = (type: WebhookType, kind: Kind, parts: Parts) =>
  parse(`{ "type": "${type}", "session": ${sessionText(kind, parts)} }`) as { readonly type: WebhookType; readonly session: unknown };
const answerOf = (kind: Kind, parts: Parts): unknown => parse(`{ "status": "ok", "session": ${sessionText(kind, parts)} }`);

const asksConfirm = ', "next_action": "confirm"';
const asksCapture = ', "next_action": "capture"';
const redirect =
  ', "customer_interaction": { "type": "redirect", "redirect": { "url": "https://bank.example/3ds?id=7", "base_url": "https://bank.example/3ds", "method": "GET", "qs": { "id": "7" }, "params": [] } }';
const declined = ', "error": { "code": "provider_declined", "description": "The operation was declined" }';
const refund =
  ', "refunds": [{ "id": "rf_1", "status": "accepted", "amount_details": { "amount": 300, "currency": "eur" }, "is_chargeback": false }]';
const chargeback = refund.replace('false', 'true');

interface Document {
  readonly name: string;
  readonly kinds: readonly Kind[];
  readonly parts: Parts;
  /** Absent: it comes in answers only. */
  readonly webhook?: WebhookType;
  readonly status: LedgerRecord['status'];
  readonly code?: string;
  /** What a webhook with it asks to be done. */
  readonly asks?: 'conclude';
  readonly alerts?: readonly string[];
  readonly nextAction?: object;
}

const both: readonly Kind[] = ['payout', 'payment'];
const documents: readonly Document[] = [
  { name: 'a session that was created', kinds: both, parts: { session: 'created', entry: 'in_progress' }, status: 'in_progress' },
  { name: 'a session in progress', kinds: both, parts: { session: 'in_progress', entry: 'in_progress' }, status: 'in_progress' },
  {
    ...{ name: 'a payout that waits for its confirmation', kinds: ['payout'], webhook: 'ready_to_confirm', asks: 'conclude' },
    ...{ parts: { session: 'in_progress', entry: 'pending', more: asksConfirm }, status: 'in_progress' },
  },
  {
    ...{ name: 'a payment that waits for its capture', kinds: ['payment'], webhook: 'ready_to_capture', asks: 'conclude' },
    ...{ parts: { session: 'in_progress', entry: 'pending', more: asksCapture }, status: 'in_progress' },
  },
  {
    ...{ name: 'a payment whose payer must act', kinds: ['payment'], webhook: 'action_required', status: 'in_progress' },
    ...{ parts: { session: 'in_progress', entry: 'in_progress', ofEntry: redirect }, code: 'action_required' },
    nextAction: { type: 'redirect', url: 'https://bank.example/3ds?id=7', method: 'GET' },
  },
  {
    ...{ name: 'one that succeeded', kinds: both, webhook: 'payment_finished' },
    ...{ parts: { session: 'accepted', entry: 'succeeded' }, status: 'succeeded' },
  },
  {
    ...{ name: 'one that failed, session accepted', kinds: both, webhook: 'payment_finished' },
    ...{ parts: { session: 'accepted', entry: 'failed', ofEntry: declined }, status: 'failed', code: 'provider_declined' },
  },
  {
    ...{ name: 'one that failed, session cancelled', kinds: both, webhook: 'payment_finished' },
    ...{ parts: { session: 'cancelled', entry: 'failed', ofEntry: declined }, status: 'failed', code: 'provider_declined' },
  },
  {
    ...{ name: 'one that failed, session canceled', kinds: both, webhook: 'payment_finished' },
    ...{ parts: { session: 'canceled', entry: 'failed', ofEntry: declined }, status: 'failed', code: 'provider_declined' },
  },
  {
    ...{ name: 'one that failed, session in error', kinds: both, webhook: 'payment_finished' },
    ...{ parts: { session: 'error', entry: 'failed', ofEntry: declined }, status: 'in_progress' },
  },
  {
    ...{ name: 'a payout that was not confirmed in time', kinds: ['payout'], webhook: 'payment_finished' },
    parts: { session: 'cancelled', entry: 'failed', more: ', "error": { "code": "confirm_timeout" }' },
    ...{ status: 'failed', code: 'confirm_timeout' },
  },
  {
    ...{ name: 'a payment that was not captured in time', kinds: ['payment'], webhook: 'payment_finished' },
    parts: { session: 'cancelled', entry: 'failed', more: ', "error": { "code": "capture_timeout" }' },
    ...{ status: 'failed', code: 'capture_timeout' },
  },
  {
    ...{ name: 'a payment that was refunded', kinds: ['payment'], webhook: 'payment_refunded', alerts: ['refunded'] },
    ...{ parts: { session: 'accepted', entry: 'succeeded', ofEntry: refund }, status: 'succeeded' },
  },
  {
    ...{ name: 'a payment that was charged back', kinds: ['payment'], webhook: 'payment_refunded', alerts: ['charged_back'] },
    ...{ parts: { session: 'accepted', entry: 'succeeded', ofEntry: chargeback }, status: 'succeeded' },
  },
];
const cases = documents.flatMap((document) => document.kinds.map((kind) => [kind, document.name, document] as const));

it('every documented type of webhook is among the documents', () => {
  expect(new Set(documents.flatMap(({ webhook = [] }) => webhook))).toEqual(new Set(webhookTypes));
});

describe.each(cases)(
  'of a %s, %s',
  (kind, _, { parts, webhook = 'payment_finished', status, code, asks = 'nothing', alerts = [], nextAction }) => {
    it('by webhook, before and after the answer of its call', () => {
      for (const record of [sent(kind), sent(kind, { status: 'unknown', leaseOwner: null, leaseUntil: null }), followed(kind)]) {
        const lesson = learnFromWebhook(transitionSettings, record, webhookOf(webhook, kind, parts), at);
        const after = lesson.change?.after ?? record;
        expect([after.status, after.reason?.code]).toEqual([status, code]);
        expect(after).toMatchObject({ sessionId: 'ps_3230', isSessionProven: true });
        expect(lesson.asks.type).toBe(asks);
        expect(lesson.alerts.map(({ alert }) => alert)).toEqual(alerts);
        expect(lesson.change?.event?.next_action).toEqual(nextAction);
      }
    });

    it('by the answer of its call', () => {
      const intent = sent(kind);
      const evidence = readFirstSend({ type: 'answer', httpStatus: 200, json: answerOf(kind, parts) }, intent);
      const change = applyFirstSend(transitionSettings, intent, { intent, evidence, at });
      expect([change?.after.status, change?.after.reason?.code]).toEqual([status, code]);
      expect(change?.event?.next_action).toEqual(nextAction);
    });

    it('by the answer to session/status', () => {
      const record = followed(kind);
      const evidence = readStatusCheck({ type: 'answer', httpStatus: 200, json: answerOf(kind, parts) }, record);
      if (evidence.type !== 'session') throw new Error('no session is read');
      const after = applySession(transitionSettings, record, evidence.session, at)?.after;
      expect([after?.status, after?.reason?.code]).toEqual([status, code]);
      expect(evidence.session.refunds).toHaveLength(alerts.length);
    });
  },
);

describe('an error of session/init', () => {
  it.each([
    ['identification_error', 400, 'queued'],
    ['authentication_error', 401, 'queued'],
    ['authorization_error', 403, 'queued'],
    ['invalid_request', 400, 'failed'],
    ['account_not_found', 400, 'failed'],
    ['amount_less_allowed_provider', 400, 'failed'],
    ['bank_card_expired', 400, 'failed'],
    ['card_number_does_not_exist', 400, 'failed'],
    ['binding_is_deactivated', 400, 'failed'],
    ['provider_exceeds_amount_limit', 400, 'failed'],
    ['provider_foreign_transfer_prohibited', 400, 'failed'],
    ['activity_count_exceeded', 400, 'failed'],
    ['internal_error', 500, 'unknown'],
    ['provider_internal_error', 400, 'unknown'],
    ['provider_issuer_unavailable', 400, 'unknown'],
    ['provider_timeout', 400, 'unknown'],
    ['idempotency_key_already_exists', 400, 'unknown'],
    ['confirm_timeout', 400, 'failed'],
    ['capture_timeout', 400, 'failed'],
    ['a_code_of_tomorrow', 400, 'unknown'],
    // An error under HTTP 200 is one as well.
    ['account_not_found', 200, 'failed'],
  ] as const)('%s under HTTP %i leaves a first send %s', (code, httpStatus, status) => {
    for (const kind of both) {
      const json = parse(`{ "status": "error", "error": { "code": "${code}", "description": "why" } }`);
      const intent = sent(kind);
      const evidence = readFirstSend({ type: 'answer', httpStatus, json }, intent);
      expect(applyFirstSend(transitionSettings, intent, { intent, evidence, at })?.after.status).toBe(status);
    }
  });
});
