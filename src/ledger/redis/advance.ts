/** Writes one change of a record, if the record still has the version that it was decided on. */
import type { AuditHead } from '../../../batches/audit/audit-entry.ts';
import type { AdvanceResult } from '../../../batches/ports/ledger.ts';
import { checkChange, identityChanged, neverAdmitted } from '../../../batches/record/check-change.ts';
import type { LedgerRecord } from '../../../batches/record/record.ts';
import type { BodyChange, Change, IntentCheck } from '../../../batches/record/change.ts';
import { statusCode } from '../codes.ts';
import { LedgerReadError } from '../errors.ts';
import type { Seal } from '../seal.ts';
import type { Argument } from './calls.ts';
import { placeText } from './errors.ts';
import type { LedgerContext } from './context.ts';
import { copyGatesTo, grantDay } from './gates.ts';
import { readStored, unpack } from './stored-record.ts';
import { dueTimeOf, queueTimeOf } from '../due-times.ts';
import type { EventArguments } from './outbox.ts';
import { readPause } from './pauses.ts';
import { alertText, firstText, templateOf, encodeMutable, stateText, statusCodeText } from './record-codec.ts';
import { scripts } from './scripts.ts';
import { encodeEntry } from './trails.ts';

/** @throws TypeError for a change that no rule can have decided; nothing is written then */
export async function advance(context: LedgerContext, change: Change, tries = 1): Promise<AdvanceResult> {
  checkChange(change);
  const { after, event, intent } = change;
  const { outbox, place } = context;
  const { recordId, batchId } = after;

  const shard = context.names.shardOf(recordId);
  const taken = await takenSession(context, shard, after);
  if (taken !== undefined) return taken;
  const told = outbox.argumentsOf(event);
  const template = await context.strings.numberOf(shard, templateOf(after));
  const args = argumentsOf(context, change, { template, told });
  const reply = await context.calls.run(shard, scripts.advance, keysOf(context, shard, change), args, {
    mayPostpone: intent !== undefined,
  });
  switch (reply.answer) {
    case 'written':
      if (event !== undefined) outbox.decided(shard, reply, told);
      return { ok: true };
    case 'again':
      // The reply to the first call was lost, and with it the number of the event.
      if (event !== undefined) await outbox.recover(shard);
      return { ok: true };
    case 'too_old':
      return { ok: false, why: 'too_old', current: (await context.readRecord(shard, recordId, reply.values[0] ?? '')).record };
    case 'paused': {
      const [text = '', pause = ''] = reply.values;
      return { ok: false, why: 'paused', current: (await context.readRecord(shard, recordId, text)).record, pause: readPause(pause) };
    }
    case 'held':
      return held(context, shard, change, { values: reply.values, tries });
    case 'day_full':
      return dayFull(context, shard, change, { values: reply.values, tries });
    case 'moved':
      // An earlier call may have been written before another instance's change: then its event is there too.
      if (event !== undefined && reply.repeated) await outbox.recover(shard);
      return { ok: false, why: 'moved', current: (await context.readRecord(shard, recordId, reply.values[0] ?? '')).record };
    case 'postponed':
      return postponed(context, shard, recordId);
    case 'missing':
      // An earlier call may have been written before the record was packed: then its event is there too.
      if (event !== undefined && reply.repeated) await outbox.recover(shard);
      // The change was decided on what a packed record shows.
      if (await unpack(context, recordId)) return advance(context, change);
      throw neverAdmitted(recordId);
    case 'changed':
      throw identityChanged(recordId);
    default:
      throw new LedgerReadError(
        `${placeText(place)} does not balance: its totals of batch ${batchId} do not include ${recordId}. Another program changed it; do not pay from it.`,
      );
  }
}

/** What holds in the shard of the record may hold no longer in the one that decides. */
async function held(
  context: LedgerContext,
  shard: number,
  change: Change,
  { values: [text = '', what = ''], tries }: { readonly values: readonly string[]; readonly tries: number },
): Promise<AdvanceResult> {
  const { after } = change;
  if (await copyGatesTo(context, { shard, batchId: after.batchId })) return advance(context, change, tries + 1);
  const { record: current } = await context.readRecord(shard, after.recordId, text);
  const hold = what === 'approval' ? ({ code: 'awaiting_approval' } as const) : ({ code: 'not_before', until: Number(what) } as const);
  return { ok: false, why: 'held', current, hold };
}

/** The limit of a day holds for all shards: what this one may send of it is granted by the first one. */
async function dayFull(
  context: LedgerContext,
  shard: number,
  change: Change,
  { values: [text = '', day = '', needed = ''], tries }: { readonly values: readonly string[]; readonly tries: number },
): Promise<AdvanceResult> {
  const { recordId, currency } = change.after;
  const hold = await grantDay(context, { shard, currency, day: Number(day), needed, tries });
  if (hold === undefined) return advance(context, change, tries + 1);
  return { ok: false, why: 'held', current: (await context.readRecord(shard, recordId, text)).record, hold };
}

const keysOf = ({ names }: LedgerContext, shard: number, { from, after: { recordId, batchId, status } }: Change): readonly string[] => [
  names.record(shard, recordId),
  names.tally(shard, batchId),
  names.open(shard),
  names.queue(shard),
  names.due(shard, batchId),
  names.body(shard, recordId),
  names.outboxTimes(shard),
  names.outboxEvents(shard),
  names.ends(shard),
  names.active(shard),
  names.trail(shard, recordId),
  names.alerted(shard),
  names.pauses(shard),
  ...(from === undefined ? names.indexes(shard, batchId) : [names.index(shard, batchId, from), names.index(shard, batchId, status)]),
];

function argumentsOf(
  context: LedgerContext,
  change: Change,
  { template, told }: { readonly template: string; readonly told: EventArguments },
): readonly Argument[] {
  const { expected, from, after, body, intent, audit = [] } = change;
  return [
    stateText({ version: expected, audit: headBefore(after, audit.length) }),
    context.nextToken(),
    after.recordId,
    String(after.amountMinor),
    after.currency,
    template,
    statusCodeText(after),
    firstText(after),
    encodeMutable(after, context.keys),
    scoreText(queueTimeOf(after)),
    scoreText(dueTimeOf(after)),
    ...bodyArguments(context.seal, after, body),
    ...told,
    String(after.sequence),
    intent === undefined ? '' : intentArgument(after, intent),
    after.batchId,
    alertText(after),
    from === undefined ? '' : String(statusCode[from]),
    ...audit.map(encodeEntry),
  ];
}

/** Claims the sessions that the change names; undefined when all of them are the record's own. */
async function takenSession(context: LedgerContext, shard: number, after: LedgerRecord): Promise<AdvanceResult | undefined> {
  const taken = await context.sessions.claim(after);
  if (taken === undefined) return undefined;
  const current = await readStored(context, shard, after.recordId);
  if (current === undefined) throw neverAdmitted(after.recordId);
  return { ok: false, why: 'session_taken', current: current.record, ...taken };
}

/** The lease of the intent would be over when there is memory: it is decided again on the record as it is then. */
async function postponed(context: LedgerContext, shard: number, recordId: string): Promise<AdvanceResult> {
  await context.health.untilThereIsMemory();
  const current = await readStored(context, shard, recordId);
  if (current === undefined) throw neverAdmitted(recordId);
  return { ok: false, why: 'moved', current: current.record };
}

/** How far the trail went when the change was decided: the record may have the same version, and a purged trail, since. */
const headBefore = ({ audit }: LedgerRecord, entries: number): AuditHead | null =>
  audit === null ? null : { ...audit, number: audit.number - entries };

const intentArgument = ({ keyLifetimeMs, sentClocks }: LedgerRecord, { marginMs, clocks }: IntentCheck): string =>
  [marginMs, clocks.wallAt, keyLifetimeMs ?? '-', sentClocks?.wallAt ?? '-'].join(' ');

export const scoreText = (time: number | null): string => (time === null ? '' : String(time));

function bodyArguments(seal: Seal, record: LedgerRecord, body: BodyChange | undefined): readonly [string, Argument] {
  if (body === undefined) return ['', ''];
  return 'keep' in body ? ['keep', sealedBody(seal, record, body.keep)] : ['erase', String(Math.ceil(body.eraseAt))];
}

/** As it is stored in Redis: the attempt that it belongs to, a line break, the sealed bytes. */
export const sealedBody = (seal: Seal, record: LedgerRecord, bytes: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from(`${record.attempt}\n`), seal.close(bytes, record)]);

/** @returns undefined when it belongs to another attempt */
export function openBody(context: LedgerContext, record: LedgerRecord, kept: Buffer): Uint8Array | undefined {
  const lineBreak = kept.indexOf(0x0a);
  if (kept.toString('latin1', 0, lineBreak) !== String(record.attempt)) return undefined;
  try {
    return context.seal.open(kept.subarray(lineBreak + 1), record);
  } catch (cause) {
    throw new LedgerReadError(
      `the sealed body of ${record.recordId} cannot be opened: another program changed ${placeText(context.place)}. Do not pay from it.`,
      { cause },
    );
  }
}
