/** Mistakes that the schedules must find, each as text that is replaced in a copy of the sources. */
import type { Theme } from '../themes.ts';
import { ofGates } from './of-gates.ts';
import { ofThemes } from './of-themes.ts';

export interface TextPatch {
  /** From the root of the project. */
  readonly file: string;
  /** Must be in the file exactly once. */
  readonly text: string;
  readonly replacement: string;
}

export interface Mutation {
  readonly name: string;
  readonly patches: readonly TextPatch[];
  /** Its schedules find the mistake soonest. */
  readonly theme?: Theme;
}

const record = 'batches/record';
const evidence = `${record}/apply-evidence.ts`;
const session = `${record}/session-evidence.ts`;
const rules = `${record}/resend-rules.ts`;
const transitions = `${record}/transitions.ts`;
const step = `${record}/step.ts`;
const send = 'batches/pipeline/send.ts';
const memory = 'src/ledger/memory/advance.ts';
const time = 'src/ledger/ledger-time.ts';
const rebuild = 'batches/pipeline/rebuild-ledger.ts';
const persons = `${record}/person-steps.ts`;
const unknownResults = 'src/profiles/standalone/unknown-results.ts';
const codes = 'batches/gateway/gateway-response.ts';

const one = (name: string, file: string, text: string, replacement: string): Mutation => ({
  name,
  patches: [{ file, text, replacement }],
});

/** What is sent, and when. */
const ofSends: readonly Mutation[] = [
  {
    name: 'the intent is written after the send',
    patches: [
      {
        file: send,
        text: 'const written = await writeIntent(',
        replacement:
          'const early = await sendNow(deps, params, { call, place, intent: { ...record, leaseUntil: deps.clock.now() + deps.leaseMs }, clocks: deps.machine() });\n      const written = await writeIntent(',
      },
      {
        file: send,
        text: 'evidence: await sendNow(deps, params, { call, place, intent, clocks })',
        replacement: 'evidence: early',
      },
    ],
  },
  one(
    'an interrupted send returns to the queue',
    transitions,
    "  return keepOpen(rules, record, { event: 'status', reason, resendAt: at, at });",
    "  return move(rules, record, { patch: { status: 'queued', reason, dueAt: null, sends: 0, firstSentAt: null }, event: 'status', at });",
  ),
  one(
    'a resend has a new key',
    send,
    'idempotencyKey: record.idempotencyKey',
    'idempotencyKey: params.isFirst ? record.idempotencyKey : `${record.idempotencyKey}-${record.sends}`',
  ),
  one('a send that may have arrived counts as not sent', codes, "connection_lost: 'open'", "connection_lost: 'not_sent'"),
];

/** How old a key is. */
const ofClocks: readonly Mutation[] = [
  one('the time of the ledger does not pass', time, 'base + (monotonic() - monotonicAtStart) + suspendedMs', 'base'),
  {
    name: 'the age of a key is not checked',
    patches: [
      {
        file: rules,
        text: 'return age !== null && record.keyLifetimeMs !== null && age <',
        replacement: 'return age === null || record.keyLifetimeMs === null || age > 0 || age <',
      },
      { file: rules, text: 'if (at >= resendableUntil(rules, record))', replacement: 'if (at < 0)' },
    ],
  },
];

/** What answers prove. */
const ofEvidence: readonly Mutation[] = [
  one('a timeout counts as failed', codes, "answer_timeout: 'open'", "answer_timeout: 'refused' as never"),
  one(
    'a resend is judged as a first send',
    evidence,
    "  // Of another process's send, made since, it says nothing.\n",
    "  if (evidence.type === 'nothing_new') return move(rules, record, { patch: { status: 'failed', reason: evidence.reason, dueAt: null }, event, at });\n",
  ),
  one(
    'a known key counts as failed',
    evidence,
    "patch: { status: 'unknown', alreadyReceived: true",
    "patch: { status: 'failed', alreadyReceived: true",
  ),
  one(
    'the first entry of a session decides',
    session,
    'const ended = waiting + running > 0 ? null : endOf(',
    "const ended = entries[0]?.status !== 'failed' ? null : endOf(",
  ),
  one(
    'no amount is compared',
    session,
    'minor === record.amountMinor && currency === record.currency',
    'minor >= 0n && currency.length > 0',
  ),
  {
    name: 'an error answer hides the session that it shows',
    patches: [
      {
        file: `${record}/evidence.ts`,
        text: "if (shown.type === 'session') return shown;",
        replacement: "if (shown.type === 'session' && errorOf(body) === undefined) return shown;",
      },
      { file: `${record}/evidence.ts`, text: 'if (namesSession(body)) return', replacement: 'if (namesSession(undefined)) return' },
    ],
  },
  {
    name: 'a session of another record is believed',
    patches: [
      { file: memory, text: 'takenBy !== undefined && takenBy !== before.recordId', replacement: 'takenBy === null' },
      {
        file: session,
        text: "if (sessionOwner === 'other' || (!isProven && owners.includes('other')))",
        replacement: "if (sessionOwner === 'other')",
      },
      { file: session, text: 'verdict: !isProven', replacement: "verdict: sessionOwner === 'other'" },
      { file: session, text: ": owners.includes('other')", replacement: ": sessionOwner === 'other'" },
    ],
  },
];

/** What is recorded and published. */
const ofBooks: readonly Mutation[] = [
  one(
    'a change of status moves another amount in the tallies',
    memory,
    'addTally(batch, after.status, before.currency, 1, before.amountMinor)',
    'addTally(batch, after.status, before.currency, 1, 1n)',
  ),
  one(
    'the outbox is emptied before the results are written',
    'batches/pipeline/outbox-relay.ts',
    'const { mark } = await sink.publish(entries);',
    'const mark = null; await ledger.published({ numbers: entries.map((entry) => entry.number), mark }); await sink.publish(entries);',
  ),
  one(
    'the event of a step is not written with it',
    memory,
    'if (event !== undefined) appendEvent',
    'if (event?.final === false) appendEvent',
  ),
  one('the sequence of a record does not rise', step, 'if (isTold) after.sequence = record.sequence + 1;', ''),
  one('a changed reason is not published', step, ' || (!isFinal[status] && isOtherReason(record.reason, after.reason))', ''),
  one(
    'a known record is admitted again',
    `${record}/admission.ts`,
    'if (existing !== undefined && isRecordIdTaken(existing))',
    "if (existing !== undefined && existing.status === 'queued')",
  ),
  one(
    'a known occurrence is admitted again',
    'src/ledger/memory/admit.ts',
    'if (known !== undefined)\n',
    "if (known !== undefined && 'status' in known)\n",
  ),
  one(
    'a record is not followed',
    transitions,
    'const patch = { dueAt, checks: record.checks + 1 };',
    'const patch = { dueAt: null, checks: record.checks + 1 };',
  ),
];

/** Which ledger is paid from. */
const ofLedgers: readonly Mutation[] = [
  one('an older ledger pays', unknownResults, 'if (event === undefined || isKnown(event)) continue;', 'continue;'),
];

/** What instances do beside each other, and what a rebuild makes of the topics. */
const ofInstances: readonly Mutation[] = [
  // In the simulated Redis: the scripts of the real one check the same first.
  one('a Redis with an older copy is written to', 'simulation/distributed/instance.ts', 'world.writes < seen', 'world.writes < 0'),
  one('instances write over each other', memory, 'before.version !== expected', 'before.version < expected'),
  one(
    'a rebuild takes what has no result as never sent',
    rebuild,
    'return restorePerhapsSent(state, { occurrence, batchId, draft }, state.isWithinLimits(message));',
    'return;',
  ),
];

/** What persons may decide. */
const ofPersons: readonly Mutation[] = [
  one(
    'what is open may be retried',
    persons,
    "if (status !== 'failed' && status !== 'cancelled' && !isWaiting)",
    "if (status === 'succeeded' && !isWaiting)",
  ),
  one('a retry keeps its attempt', persons, 'const attempt = nextAttempt(record);', 'const { attempt } = record;'),
];

/** Those that take longest come first, so that the threads end together. */
export const mutations: readonly Mutation[] = [
  ...ofSends,
  ...ofClocks,
  ...ofEvidence,
  ...ofBooks,
  ...ofLedgers,
  ...ofInstances,
  ...ofPersons,
  ...ofGates,
  ...ofThemes,
];
