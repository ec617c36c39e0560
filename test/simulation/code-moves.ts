/** Every move from status to status that the code can make, found by running its pure functions over every record and evidence. */
import * as evidenceSteps from '../../batches/record/apply-evidence.ts';
import * as transitions from '../../batches/record/transitions.ts';
import { failureClass, gatewayCodes, responseCodes, type FailureCode } from '../../batches/gateway/failure-codes.ts';
import { transportCodes } from '../../batches/gateway/gateway-response.ts';
import type { Change } from '../../batches/record/change.ts';
import type { FirstSendEvidence, ResendEvidence } from '../../batches/record/evidence.ts';
import type { LedgerRecord } from '../../batches/record/record.ts';
import type { SessionClaim, SessionEvidence, SessionVerdict } from '../../batches/record/session-evidence.ts';
import { statuses, type RecordStatus } from '../../batches/record/status.ts';
import { learnFromWebhook, webhookTypes } from '../../batches/record/webhook-evidence.ts';
import { at, keys, queuedRecord, sentRecord, session, transitionSettings as rules } from '../support/builders.ts';

export const recordStatuses = statuses.filter((status): status is RecordStatus => status !== 'conflict' && status !== 'duplicate');
const reason = { code: 'why', description: 'why' };

/** Records in every status, with everything that a decision looks at in every combination. */
function everyRecord(): LedgerRecord[] {
  let records: LedgerRecord[] = recordStatuses.map((status) =>
    status === 'queued' || status === 'rejected' ? queuedRecord({ status }) : sentRecord({ status }),
  );
  const vary = (patches: readonly Partial<LedgerRecord>[]): void => {
    records = records.flatMap((record) => patches.map((patch) => ({ ...record, ...patch })));
  };
  vary([{}, { sends: 2 }]);
  vary([{}, { alreadyReceived: true }]);
  vary([{}, { sessionId: 'ps_1' }, { sessionId: 'ps_1', isSessionProven: true }, { sessionId: 'ps_0', isSessionProven: true }]);
  vary([{}, { cancelSession: 'ps_1' }, { confirmSession: 'ps_1' }]);
  vary([{}, { leaseOwner: null, leaseUntil: null }]);
  vary([{}, { reason }, { keyLifetimeMs: null }]);
  return records;
}

const codes: readonly FailureCode[] = [...transportCodes, ...gatewayCodes, ...responseCodes];
const claims: readonly SessionClaim[] = ['pending', 'awaiting_confirmation', 'awaiting_capture', 'succeeded', 'failed', 'cancelled'];
const verdicts: readonly SessionVerdict[] = [
  ...claims.flatMap((claim): SessionVerdict[] => [{ type: claim }, { type: 'amount_missing', claim }, { type: 'amount_differs', claim }]),
  { type: 'unproven' },
  { type: 'contradiction', description: 'It contradicts.' },
  { type: 'double_payment' },
];
const sessions = verdicts.map((verdict): SessionEvidence => ({
  ...{ sessionId: 'ps_1', entryId: 'po_1', verdict, reason: null, payer: null, refunds: [], updatedAt: undefined, shown: [] },
  isProven: verdict.type !== 'unproven',
}));

const firstSends: readonly FirstSendEvidence[] = [
  ...sessions.map((shown) => ({ type: 'session', session: shown }) as const),
  ...codes.map((code) => ({ type: failureClass[code], code, reason })),
];
const resends: readonly ResendEvidence[] = [
  ...sessions.map((shown) => ({ type: 'session', session: shown }) as const),
  ...codes.flatMap((code) =>
    (['already_received', 'not_made', 'nothing_new'] as const).map((type) => ({ type, code, reason, isConfigError: false })),
  ),
];

type Step = (record: LedgerRecord) => readonly (Change | null)[];

/** A step that a function refuses by throwing is none. */
const unlessRefused = (decide: () => Change): Change | null => {
  try {
    return decide();
  } catch (cause) {
    if (cause instanceof TypeError) return null;
    throw cause;
  }
};

/** By name of the function; `null` for one that decides no step. */
const steps: Readonly<Record<keyof typeof transitions | keyof typeof evidenceSteps, Step | null>> = {
  recordIntent: (record) => [
    unlessRefused(() =>
      transitions.recordIntent(record, {
        ...{ owner: 'me', at, leaseMs: 1_000, bytes: new Uint8Array(), terms: rules },
        clocks: { wallAt: at, uptimeMs: null },
      }),
    ),
  ],
  // The pipeline asks it of records that are submitting, and of no others.
  markInterrupted: (record) => (record.status === 'submitting' ? [transitions.markInterrupted(rules, record, at)] : []),
  keepOpen: null,
  nextResendAt: null,
  scheduleNextCheck: (record) => [
    transitions.scheduleNextCheck(rules, record, at),
    transitions.scheduleNextCheck(rules, record, at, reason),
  ],
  barResend: (record) => [transitions.barResend(rules, record, at)],
  giveUpResend: (record) => [transitions.giveUpResend(record)],
  rescheduleResend: (record) => [transitions.rescheduleResend(rules, record, at)],
  releaseInterruptedResend: (record) => [transitions.releaseInterruptedResend(record, at)],
  recordConfirmIntent: (record) => [transitions.recordConfirmIntent(rules, record, { sessionId: 'ps_1', at })],
  recordCancelIntent: (record) => [transitions.recordCancelIntent(rules, record, { sessionId: 'ps_1', reason, at })],
  cancelQueued: (record) => [transitions.cancelQueued(rules, record, reason, at)],
  rejectQueued: (record) => [transitions.rejectQueued(rules, record, reason, at)],
  applyFirstSend: (record) =>
    firstSends.flatMap((evidence) =>
      [record, { ...record, version: record.version - 1 }].map((intent) =>
        evidenceSteps.applyFirstSend(rules, record, { intent, evidence, at }),
      ),
    ),
  applyResend: (record) => resends.map((evidence) => evidenceSteps.applyResend(rules, record, { intent: record, evidence, at })),
  applySession: (record) => sessions.map((shown) => evidenceSteps.applySession(rules, record, shown, at)),
  holdForeignSession: (record) => [evidenceSteps.holdForeignSession(rules, record, { sessionId: 'ps_1', takenBy: 'inv-2', at })],
  contradictionOf: null,
  foreignSession: null,
};

const metadata = { record_id: 'inv-1', attempt: 1, idempotency_key: keys.idempotencyKey('payout', 'inv-1', 1) };

/** What webhooks change. Of a record that the ledger believes unsent, see `behind`. */
const lessons = (record: LedgerRecord) =>
  ['in_progress', 'accepted', 'cancelled', 'error'].flatMap((status) =>
    ['in_progress', 'pending', 'succeeded', 'failed'].flatMap((entryStatus) =>
      [1230, 1229].flatMap((amount) =>
        webhookTypes.map((type) => {
          const value = session({ status, entryStatus, amount, metadata, nextAction: 'confirm' });
          return learnFromWebhook(rules, record, { type, session: value }, at);
        }),
      ),
    ),
  );

export interface CodeMoves {
  /** Each as `from to`. */
  readonly moves: ReadonlySet<string>;
  /** Those of a ledger that has lost data, each with an alert: a webhook shows a session of a record that it never sent. */
  readonly behind: ReadonlySet<string>;
}

export function movesOfCode(): CodeMoves {
  const moves = new Set<string>();
  const behind = new Set<string>();
  const note = (into: Set<string>, from: RecordStatus, to: RecordStatus | undefined): void => {
    if (to !== undefined && to !== from) into.add(`${from} ${to}`);
  };
  for (const record of everyRecord()) {
    for (const step of Object.values(steps)) for (const change of step?.(record) ?? []) note(moves, record.status, change?.after.status);
    for (const { change, alerts } of lessons(record)) {
      const isBehind = alerts.some(({ alert }) => alert === 'ledger_behind');
      note(isBehind ? behind : moves, record.status, change?.after.status);
    }
  }
  return { moves, behind };
}
