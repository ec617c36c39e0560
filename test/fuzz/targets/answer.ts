/** An answer of the gateway: bytes and an HTTP status to evidence, and evidence to the next state of a record. */
import assert from 'node:assert/strict';
import { failureClass } from '../../../batches/gateway/failure-codes.ts';
import type { GatewayResponse } from '../../../batches/gateway/gateway-response.ts';
import { newAlert, alertAfterEnd } from '../../../batches/record/alert.ts';
import { alertEvent, alertSchema } from '../../../batches/record/alert-event.ts';
import { applyFirstSend, applyResend, applySession } from '../../../batches/record/apply-evidence.ts';
import type { Change } from '../../../batches/record/change.ts';
import { checkChange, keepsIdentity } from '../../../batches/record/check-change.ts';
import {
  readFirstSend,
  readResend,
  readStatusCheck,
  type FirstSendEvidence,
  type ResendEvidence,
  type StatusEvidence,
} from '../../../batches/record/evidence.ts';
import type { LedgerRecord } from '../../../batches/record/record.ts';
import { resultSchema } from '../../../batches/record/result-event.ts';
import { readAnswerJson } from '../../../producers/answer-json.ts';
import { ours } from '../../consumers/webhook/world.ts';
import { at, keys, sentRecord, transitionSettings as rules } from '../../support/builders.ts';
import { checkStep, sessionSeeds, sessionTokens } from '../session-seeds.ts';
import type { Target } from '../target.ts';

const httpStatuses = [200, 200, 200, 201, 204, 301, 400, 401, 404, 409, 422, 429, 500, 503] as const;

const open = {
  status: 'unknown',
  sends: 2,
  reason: { code: 'connection_lost', description: 'lost' },
  leaseOwner: null,
  leaseUntil: null,
} as const;
const records: readonly LedgerRecord[] = [
  sentRecord(),
  sentRecord(open),
  sentRecord({ ...open, status: 'in_progress', sessionId: 'ps_1', isSessionProven: true, reason: null }),
  sentRecord({ ...open, status: 'in_progress', sessionId: 'ps_1', isSessionProven: true, cancelSession: 'ps_1' }),
  sentRecord({ ...open, sessionId: 'ps_9' }),
  sentRecord({ ...open, status: 'succeeded', sessionId: 'ps_1', isSessionProven: true, reason: null }),
  sentRecord({ ...open, status: 'failed', reason: null }),
];

const seeds = (): readonly Buffer[] => {
  const sessions = sessionSeeds(ours()).map((session) => ({ status: 'ok', session }));
  const errors = ['idempotency_key_already_exists', 'bank_card_expired', 'authentication_error', 'never_heard_of'].map((code) => ({
    status: 'error',
    error: { code, description: 'Account DE89370400440532013000 of card 4242424242424242' },
  }));
  return [...sessions, ...errors, { status: 'error', session_id: 'ps_1' }, {}].map((body) => Buffer.from(JSON.stringify(body)));
};

export const answerTarget = (): Target => ({
  name: 'answer',
  share: 250,
  maxBytes: 200_000,
  seeds: seeds(),
  tokens: sessionTokens,
  run(bytes) {
    const json = readAnswerJson(bytes);
    const httpStatus = httpStatuses[bytes.length % httpStatuses.length] as number;
    const response: GatewayResponse = { type: 'answer', httpStatus, json };
    for (const record of records) {
      const sent = readFirstSend(response, record);
      checkEvidence(sent, json);
      check(record, sent, applyFirstSend(rules, record, { intent: record, evidence: sent, at }), json);
      const resent = readResend(response, record);
      checkEvidence(resent, json);
      // A first send that is under way is never resent.
      if (record.status !== 'submitting') check(record, resent, applyResend(rules, record, { intent: record, evidence: resent, at }), json);
      const checked = readStatusCheck(response, record);
      if (checked.type !== 'session') continue;
      check(record, checked, applySession(rules, record, checked.session, at), json);
      const alert = alertAfterEnd(record, checked.session);
      if (alert !== null) alertSchema.parse(JSON.parse(JSON.stringify(alertEvent(keys, alert, at))));
    }
  },
  close: () => undefined,
});

function checkEvidence(evidence: FirstSendEvidence | ResendEvidence, json: unknown): void {
  if (evidence.type === 'session') return;
  assert.ok(evidence.code in failureClass, 'a failure has a code of the table');
  const { code, description } = evidence.reason;
  assert.ok(description.length <= 500 && code.length <= 64, 'a reason is bounded');
  assert.doesNotMatch(`${code} ${description}`, /\d{6}|DE89370400440532013000/, 'a reason shows no account');
  if (evidence.type !== 'refused') return;
  const body = json as { session?: unknown; session_id?: unknown };
  assert.ok((body.session ?? null) === null && (body.session_id ?? '') === '', 'an answer that names a session refuses nothing');
}

function check(
  before: LedgerRecord,
  evidence: FirstSendEvidence | ResendEvidence | StatusEvidence,
  change: Change | null,
  json: unknown,
): void {
  const after = change?.after ?? before;
  const alert = newAlert(before, after, evidence);
  if (alert !== null) alertSchema.parse(JSON.parse(JSON.stringify(alertEvent(keys, alert, at))));
  if (change === null) return;
  checkChange(change);
  assert.ok(keepsIdentity(before, after), 'amount, currency and batch stay');
  assert.equal(change.expected, before.version);
  checkStep(before, after, json);
  if (change.event !== undefined) resultSchema.parse(JSON.parse(JSON.stringify(change.event)));
}
