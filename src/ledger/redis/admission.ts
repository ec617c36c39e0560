/** Admits an occurrence: decided here on what is assumed to be in Redis, written there only if the assumption holds. */
import { decideAdmission, verdictOf, type AdmissionDecision } from '../../../batches/record/admission.ts';
import type { FieldDigests } from '../../../batches/record/fingerprint.ts';
import { checkAdmission, checkNewRecord } from '../../../batches/record/check-change.ts';
import type { Admission, Verdict } from '../../../batches/record/record.ts';
import { statusCode, statusOf } from '../codes.ts';
import type { Reply } from './script-client.ts';
import type { LedgerContext } from './context.ts';
import { encodeImmutable, templateOf, encodeMutable, stateText, type StoredRecord } from './record-codec.ts';
import { movedToken } from './places.ts';
import { scripts } from './scripts.ts';
import { storedOf, unpack } from './stored-record.ts';
import { encodeEntry } from './trails.ts';

/** What is in Redis, or is assumed to be. */
export interface Assumed {
  readonly stored: StoredRecord | undefined;
  readonly fields: FieldDigests | undefined;
  readonly lastSequence: number;
}

/** Nearly every occurrence and every id is new: assumed first, which saves a read. */
export const nothing: Assumed = { stored: undefined, fields: undefined, lastSequence: 0 };

const noFields: FieldDigests = { paths: '', digests: Buffer.alloc(0) };

export async function admit(context: LedgerContext, admission: Admission): Promise<Verdict> {
  const target = await targetOf(context, admission);
  return 'type' in target ? target : admitAt(context, target, admission);
}

/** Where the admission is to be written; or its verdict, when its place is known elsewhere. */
async function targetOf(context: LedgerContext, admission: Admission): Promise<Target | Verdict> {
  const its = await shardOf(context, admission);
  return claimed(context, admission, its, await context.places.claim(admission.occurrence, its.shard));
}

/** The same; null when Redis has no memory for the claim of its place now. */
export async function targetNow(context: LedgerContext, admission: Admission): Promise<Target | Verdict | null> {
  const its = await shardOf(context, admission);
  const holder = await context.places.claimNow(admission.occurrence, its.shard);
  return holder === null ? null : claimed(context, admission, its, holder);
}

type Shard = Omit<Target, 'token'>;

async function shardOf(context: LedgerContext, admission: Admission): Promise<Shard> {
  const { content, occurrence, batchId } = admission;
  checkAdmission(admission);
  await context.requireBatch(batchId);
  const recordId = content.type === 'valid' ? content.draft.recordId : content.refusal.recordId;
  return { recordId, shard: recordId === undefined ? context.names.shardOfPlace(occurrence) : context.names.shardOf(recordId) };
}

async function claimed(context: LedgerContext, { occurrence }: Admission, its: Shard, holder: number): Promise<Target | Verdict> {
  if (holder !== its.shard) return (await movedVerdict(context, holder, occurrence)) ?? { type: 'place_taken' };
  return { ...its, token: context.nextToken() };
}

async function admitAt(context: LedgerContext, target: Target, admission: Admission): Promise<Verdict> {
  const { content } = admission;
  for (let assumed = nothing; ;) {
    const believed = assumed;
    const decision = decideAdmission(context, admission, {
      record: believed.stored?.record,
      // Field digests that were purged cannot be compared: then no field is named.
      fields: () => believed.fields ?? (content.type === 'valid' ? content.fields : noFields),
      lastSequence: believed.lastSequence,
    });
    const reply =
      decision.type === 'admitted'
        ? await writeRecord(context, target, admission, decision, believed)
        : await writeSettled(context, target, admission, decision, believed);
    // Only for an instruction: what ends by itself is counted without its amount then.
    if (reply.answer === 'full') return { type: 'totals_full' };
    if (reply.answer === 'written') {
      if (decision.type === 'admitted') return verdictOf(decision.record);
      context.outbox.decided(target.shard, reply, context.outbox.argumentsOf(decision.event));
      return { type: 'settled', status: decision.status, fresh: true };
    }
    const found = await look(context, target, admission, reply);
    if ('type' in found) return found;
    assumed = found;
  }
}

/** What a script that wrote nothing says is there: the verdict of a known occurrence, or what a new one is decided on. */
export async function look(context: LedgerContext, target: Target, admission: Admission, reply: Reply): Promise<Verdict | Assumed> {
  const [outcome = '', value = '', loose = '0'] = reply.values;
  if (outcome !== '') return known(context, target, admission, { outcome, value, repeated: reply.repeated });
  const { recordId } = target;
  const isPacked = recordId !== undefined && Buffer.isBuffer(storedOf(value)) && (await unpack(context, recordId));
  return isPacked ? nothing : readCurrent(context, target, value, Number(loose));
}

/** An occurrence that another ledger had settled before a move is in the shard of its place: which record id it named is not known. */
async function movedVerdict(
  { calls, names }: LedgerContext,
  holder: number,
  occurrence: Admission['occurrence'],
): Promise<Verdict | undefined> {
  const outcome = await calls.read(holder, 'hget', names.places(holder, occurrence), String(occurrence.position));
  const [code, token] = typeof outcome === 'string' ? outcome.split(':') : [];
  return token === movedToken ? { type: 'settled', status: statusOf(Number(code)), fresh: false } : undefined;
}

/** Where an admission is written, and the token that identifies its calls. */
export interface Target {
  readonly shard: number;
  readonly recordId: string | undefined;
  readonly token: string;
}

/** The occurrence is known: its first verdict stays. */
async function known(
  context: LedgerContext,
  { shard, recordId, token }: Target,
  { occurrence }: Admission,
  { outcome, value, repeated }: { readonly outcome: string; readonly value: string; readonly repeated: boolean },
): Promise<Verdict> {
  if (outcome !== '*') {
    const [code, itsToken] = outcome.split(':');
    // Written by an earlier call of this admission whose reply was lost: its event is in Redis and not in memory yet.
    const ours = repeated && itsToken === token;
    if (ours) await context.outbox.recover(shard);
    return { type: 'settled', status: statusOf(Number(code)), fresh: ours };
  }
  const found = storedOf(value);
  const stored = recordId === undefined || found === undefined ? undefined : await context.readRecord(shard, recordId, found);
  const place = stored?.record.occurrence;
  // It is looked for where its record id leads: under another record id of the same shard it is not there.
  if (stored === undefined || place?.stream !== occurrence.stream || place.position !== occurrence.position) return { type: 'place_taken' };
  return verdictOf(stored.record);
}

async function readCurrent(context: LedgerContext, { shard, recordId }: Target, value: string, lastSequence: number): Promise<Assumed> {
  if (recordId === undefined || value === '') return { stored: undefined, fields: undefined, lastSequence };
  const stored = await context.readRecord(shard, recordId, value);
  const fields =
    stored.fields === undefined
      ? undefined
      : { paths: await context.strings.textOf(shard, String(stored.fields.paths)), digests: stored.fields.digests };
  return { stored, fields, lastSequence };
}

/** What both scripts compare first. */
export const comparison = ({ occurrence }: Admission, recordId: string | undefined, { stored, lastSequence }: Assumed): string[] => [
  String(occurrence.position),
  recordId ?? '',
  stored === undefined ? '' : stateText(stored.record),
  String(lastSequence),
];

async function writeRecord(
  { calls, names, strings, keys }: LedgerContext,
  { shard, token }: Target,
  admission: Admission,
  { record, audit }: Extract<AdmissionDecision, { type: 'admitted' }>,
  assumed: Assumed,
): Promise<Reply> {
  const { content, occurrence } = admission;
  if (content.type !== 'valid') throw new TypeError('a rejected instruction cannot create a record');
  checkNewRecord(record);
  const { recordId, batchId } = record;
  const { fields } = content;
  const [template, paths] = [await strings.numberOf(shard, templateOf(record)), await strings.numberOf(shard, fields.paths)];
  const former = assumed.stored?.record;
  return calls.run(
    shard,
    scripts.admitRecord,
    [
      names.places(shard, occurrence),
      names.record(shard, recordId),
      names.loose(shard),
      names.tally(shard, batchId),
      names.index(shard, batchId, 'queued'),
      names.open(shard),
      names.active(shard),
      names.trail(shard, recordId),
      ...(former === undefined
        ? []
        : [
            names.places(shard, former.occurrence),
            names.index(shard, former.batchId, former.status),
            names.body(shard, recordId),
            names.alerted(shard),
          ]),
      ...names.packed(shard, recordId),
    ],
    [
      ...comparison(admission, recordId, assumed),
      String(record.version),
      record.hasCardNumber ? '1' : '0',
      String(record.amountMinor),
      record.currency,
      template,
      token,
      `${encodeMutable(record, keys)}\n${encodeImmutable(record, Number(paths), fields)}`,
      String(record.sequence),
      former === undefined ? '' : String(former.occurrence.position),
      ...audit.map(encodeEntry),
    ],
  );
}

async function writeSettled(
  { calls, names, outbox, keys }: LedgerContext,
  { shard, recordId, token }: Target,
  admission: Admission,
  { status, sequence, event, head, audit }: Extract<AdmissionDecision, { type: 'settled' }>,
  assumed: Assumed,
): Promise<Reply> {
  const { batchId, occurrence } = admission;
  const former = assumed.stored?.record;
  const amount = amountOf(admission);
  return calls.run(
    shard,
    scripts.admitSettled,
    [
      names.places(shard, occurrence),
      names.record(shard, recordId ?? ''),
      names.loose(shard),
      names.tally(shard, batchId),
      names.outboxTimes(shard),
      names.outboxEvents(shard),
      names.duplicates(shard, batchId),
      names.index(shard, former?.batchId ?? batchId, former?.status ?? 'queued'),
      names.trail(shard, recordId ?? ''),
      ...names.packed(shard, recordId ?? ''),
    ],
    [
      ...comparison(admission, recordId, assumed),
      String(statusCode[status]),
      String(amount ?? 0n),
      currencyOf(admission),
      String(sequence),
      token,
      ...outbox.argumentsOf(event),
      former === undefined ? '' : encodeMutable({ ...former, audit: head }, keys),
      ...audit.map(encodeEntry),
    ],
  );
}

/** Without a readable amount and currency an occurrence is counted in no currency. */
const readable = ({ content }: Admission): { readonly amountMinor: bigint; readonly currency: string } | undefined => {
  const { amountMinor, currency } = content.type === 'valid' ? content.draft : content.refusal;
  return amountMinor === undefined || currency === undefined ? undefined : { amountMinor, currency };
};
const amountOf = (admission: Admission): bigint | undefined => readable(admission)?.amountMinor;
const currencyOf = (admission: Admission): string => readable(admission)?.currency ?? '';
