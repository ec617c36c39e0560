/** Mistakes that show where a few things meet: the schedules of a theme find them soonest. */
import type { Mutation } from './mutations.ts';

const rules = 'batches/record/resend-rules.ts';
const time = 'src/ledger/ledger-time.ts';
const rebuild = 'batches/pipeline/rebuild-ledger.ts';
const webhook = 'batches/record/webhook-evidence.ts';
const memory = 'src/ledger/memory';

const isBarred = {
  file: time,
  text: 'record.firstSentAt > state.barrier && mayResend(',
  replacement: 'mayResend(',
};

/** How old a key is, and in which header it goes out. */
const ofKeys: readonly Mutation[] = [
  {
    name: 'a resend goes out under another header',
    theme: 'header',
    patches: [
      {
        file: rules,
        text: 'if (record.idempotencyHeader === null || !isSameHeader(record.idempotencyHeader, rules.idempotencyHeader))',
        replacement: 'if (record.idempotencyHeader === null)',
      },
    ],
  },
  {
    name: 'a resend goes by the lifetime of keys that is set now',
    theme: 'header',
    patches: [
      {
        file: 'batches/record/transitions.ts',
        text: 'const dueAt = whyNotResend(rules, record, resendAt) === null',
        replacement: 'const dueAt = whyNotResend(rules, { ...record, keyLifetimeMs: 86_400_000 }, resendAt) === null',
      },
      {
        file: 'batches/pipeline/resend.ts',
        text: 'export async function resend(deps: ResendDeps, open: LedgerRecord): Promise<LedgerRecord> {',
        replacement:
          'export async function resend(deps: ResendDeps, found: LedgerRecord): Promise<LedgerRecord> {\n  const open = { ...found, keyLifetimeMs: 86_400_000 };',
      },
      {
        file: 'src/ledger/resend-check.ts',
        text: 'timeoutMs: marginMs + clockToleranceMs }, record,',
        replacement: 'timeoutMs: marginMs + clockToleranceMs }, { ...record, keyLifetimeMs: 86_400_000 },',
      },
      {
        file: 'batches/pipeline/resend.ts',
        text: 'timely: (intent) => isRemembered(deps, intent)',
        replacement: 'timely: () => true',
      },
    ],
  },
  {
    name: 'the age of a key is judged by the wall clock alone',
    theme: 'clocks',
    patches: [
      { file: rules, text: 'if (ledgerAge < 0 || (isSingle && wallAge < 0)) return null;', replacement: 'if (isSingle) return wallAge;' },
      { file: rules, text: 'if (at >= resendableUntil(rules, record))', replacement: 'if (at < 0)' },
      isBarred,
    ],
  },
  {
    name: 'the age of a key is judged by the monotonic clock alone',
    theme: 'suspend',
    patches: [
      {
        file: rules,
        text: 'const ages = [ledgerAge, wallAge];',
        replacement: 'if (isSingle) return ledgerAge;\n  const ages = [ledgerAge, wallAge];',
      },
      { file: time, text: 'if (found - gap <= clockToleranceMs) return;', replacement: 'if (found - gap !== 0.5) return;' },
    ],
  },
  { name: 'a send before a step of the clock is resent', theme: 'clocks', patches: [isBarred] },
];

/** Which of several instances sends, and what a rebuild makes of the topics. */
const ofInstances: readonly Mutation[] = [
  {
    name: 'a rebuild dates a send too late',
    theme: 'rebuild',
    patches: [{ file: rebuild, text: 'Math.min(earliest ?? 0, clock.now())', replacement: 'Math.max(earliest ?? 0, clock.now())' }],
  },
  {
    name: 'a rebuild dates a send by the first message that it reads',
    theme: 'rebuild',
    patches: [
      {
        file: rebuild,
        text: 'index.noteTime(draft.recordId, {',
        replacement: 'if (index.time(draft.recordId).earliest === undefined) index.noteTime(draft.recordId, {',
      },
    ],
  },
  {
    name: 'bytes leave after the end of their lease',
    theme: 'lease',
    patches: [{ file: 'batches/pipeline/send.ts', text: 'timely(intent) && isLeased()', replacement: 'timely(intent)' }],
  },
  {
    name: 'an offset is committed before its message has an outcome',
    patches: [
      {
        file: 'batches/pipeline/process-message.ts',
        text: '      await work(message, root);\n',
        replacement: '      void work(message, root).catch(() => undefined);\n',
      },
    ],
  },
];

/** What sessions prove, and what is confirmed. */
const ofSessions: readonly Mutation[] = [
  {
    name: 'a second session is confirmed too',
    theme: 'sessions',
    patches: [
      { file: webhook, text: "asks: { type: 'cancel_second', session }", replacement: "asks: { type: 'conclude', session }" },
      {
        file: 'batches/pipeline/follow.ts',
        text: 'if (noted.confirmSession !== sessionId) return',
        replacement: "if (noted.confirmSession === '') return",
      },
    ],
  },
  {
    name: 'a webhook moves a final status',
    theme: 'sessions',
    patches: [
      {
        file: webhook,
        text: 'isFinal[record.status] ? afterEnd(record, shown) : beforeEnd(',
        replacement: 'afterEnd.length === 0 ? afterEnd(record, shown) : beforeEnd(',
      },
      {
        file: 'batches/record/apply-evidence.ts',
        text: 'if (isFinal[record.status] || isSecondSession(record, session)) return null;',
        replacement: "if ((isFinal[record.status] && event !== 'webhook') || isSecondSession(record, session)) return null;",
      },
      {
        file: 'batches/record/step.ts',
        text: 'const isAllowed = patch.status',
        replacement: "const isAllowed = event === 'webhook' || patch.status",
      },
    ],
  },
  {
    name: 'an amount that is not shown counts as equal',
    theme: 'sessions',
    patches: [
      {
        file: 'batches/record/session-evidence.ts',
        text: "return needed[0] === undefined ? { type: 'amount_missing', claim } : { type: claim };",
        replacement: 'return { type: claim };',
      },
    ],
  },
];

const ofBooks: readonly Mutation[] = [
  {
    name: 'tallies are written after their step',
    patches: [
      {
        file: `${memory}/advance.ts`,
        text: '  if (before.status !== after.status) {\n    addTally(',
        replacement: '  if (before.status !== after.status) (change as any).tallies = () => {\n    addTally(',
      },
      {
        file: `${memory}/ledger.ts`,
        text: "eachOf(structuredClone(changes), (change) => write('advance', () => advance(writer, change)))",
        replacement:
          "eachOf(structuredClone(changes), async (change) => { const done = await write('advance', () => advance(writer, change)); const { tallies } = change as any; if (tallies !== undefined) await write('updateBatch', tallies); return done; })",
      },
    ],
  },
];

export const ofThemes: readonly Mutation[] = [...ofKeys, ...ofInstances, ...ofSessions, ...ofBooks];
