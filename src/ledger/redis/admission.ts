/** Asks about an occurrence: decided here on what is believed to stand in Redis, written there only if it does. */
import { decideAdmission, verdictOf, type AdmissionDecision } from '../../../batches/record/admission.ts';
import type { FieldDigests } from '../../../batches/record/fingerprint.ts';
import { checkAdmission, checkNewRecord } from '../../../batches/record/check-change.ts';
import type { Admission, LedgerRecord, Verdict } from '../../../batches/record/record.ts';
import { statusCode, statusOf } from '../codes.ts';
import { LedgerReadError } from '../errors.ts';
import type { Reply } from './script-client.ts';
import { placeText } from './errors.ts';
import { shardOf, shardOfPlace } from './key-names.ts';
import type { LedgerContext } from './context.ts';
import { encodeImmutable, templateOf, encodeMutable, type StoredRecord } from './record-codec.ts';
import { scripts } from './scripts.ts';

/** What stands in Redis, or is believed to. */
interface Standing {
  readonly stored: StoredRecord | undefined;
  readonly fields: FieldDigests | undefined;
  readonly looseSequence: number;
}

/** Nearly every occurrence and every id is new: this is believed first, which saves asking. */
const nothing: Standing = { stored: undefined, fields: undefined, looseSequence: 0 };

const noFields: FieldDigests = { paths: '', digests: Buffer.alloc(0) };

export async function admit(parts: LedgerContext, admission: Admission): Promise<Verdict> {
  const { content, occurrence, batchId } = admission;
  checkAdmission(admission);
  await parts.requireBatch(batchId);
  const recordId = content.type === 'valid' ? content.draft.recordId : content.refusal.recordId;
  const shard = recordId === undefined ? shardOfPlace(occurrence) : shardOf(recordId);
  const asked = { shard, recordId, token: parts.nextToken() };

  for (let standing = nothing; ;) {
    const believed = standing;
    const decision = decideAdmission(parts.keys, admission, {
      record: believed.stored?.record,
      // What was dropped with the story cannot be told apart: then no field is named.
      fields: () => believed.fields ?? (content.type === 'valid' ? content.fields : noFields),
      lastSequence: believed.looseSequence,
    });
    const reply =
      decision.type === 'admitted'
        ? await writeRecord(parts, asked, admission, decision.record, believed)
        : await writeSettled(parts, asked, admission, decision, believed);
    // Only an instruction: what ends by itself is counted without its amount then.
    if (reply.answer === 'full') return { type: 'totals_full' };
    if (reply.answer === 'written') {
      if (decision.type === 'admitted') return verdictOf(decision.record);
      parts.outbox.decided(shard, reply, decision.event);
      return { type: 'settled', status: decision.status, fresh: true };
    }
    const [told = '', value = '', loose = '0'] = reply.values;
    if (told !== '') return known(parts, asked, admission, told, value, reply.repeated);
    standing = await standingOf(parts, asked, value, Number(loose));
  }
}

interface Asked {
  readonly shard: number;
  readonly recordId: string | undefined;
  readonly token: string;
}

/** The occurrence is known: its first verdict stands. */
async function known(
  parts: LedgerContext,
  { shard, recordId, token }: Asked,
  { occurrence }: Admission,
  told: string,
  value: string,
  repeated: boolean,
): Promise<Verdict> {
  if (told !== '*') {
    const [code, itsToken] = told.split(':');
    // Ours after all: the reply was lost, and the event waits in Redis without our knowing.
    const ours = repeated && itsToken === token;
    if (ours) await parts.outbox.recover(shard);
    return { type: 'settled', status: statusOf(Number(code)), fresh: ours };
  }
  const stored = recordId === undefined || value === '' ? undefined : await parts.readRecord(shard, recordId, value);
  const place = stored?.record.occurrence;
  if (stored === undefined || place?.stream !== occurrence.stream || place.position !== occurrence.position) {
    throw new LedgerReadError(
      `${placeText(parts.place)} knows ${occurrence.stream}:${occurrence.position} under another record id than ${recordId ?? 'none'}: what stands at a place must not change.`,
    );
  }
  return verdictOf(stored.record);
}

async function standingOf(parts: LedgerContext, { shard, recordId }: Asked, value: string, looseSequence: number): Promise<Standing> {
  if (recordId === undefined || value === '') return { stored: undefined, fields: undefined, looseSequence };
  const stored = await parts.readRecord(shard, recordId, value);
  const fields =
    stored.fields === undefined
      ? undefined
      : { paths: await parts.strings.textOf(shard, String(stored.fields.paths)), digests: stored.fields.digests };
  return { stored, fields, looseSequence };
}

/** What both scripts compare first. */
const comparing = ({ occurrence }: Admission, recordId: string | undefined, { stored, looseSequence }: Standing): string[] => [
  String(occurrence.position),
  recordId ?? '',
  stored === undefined ? '' : String(stored.record.version),
  String(looseSequence),
];

async function writeRecord(
  { calls, names, strings, keys }: LedgerContext,
  { shard, token }: Asked,
  admission: Admission,
  record: LedgerRecord,
  standing: Standing,
): Promise<Reply> {
  const { content, occurrence } = admission;
  if (content.type !== 'valid') throw new TypeError('a rejected instruction cannot create a record');
  checkNewRecord(record);
  const { recordId, batchId } = record;
  const { fields } = content;
  const [frame, paths] = [await strings.numberOf(shard, templateOf(record)), await strings.numberOf(shard, fields.paths)];
  const former = standing.stored?.record;
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
      ...(former === undefined
        ? []
        : [names.places(shard, former.occurrence), names.index(shard, former.batchId, former.status), names.body(shard, recordId)]),
    ],
    [
      ...comparing(admission, recordId, standing),
      String(record.version),
      record.hasCardNumber ? '1' : '0',
      String(record.amountMinor),
      record.currency,
      frame,
      token,
      `${encodeMutable(record, keys)}\n${encodeImmutable(record, Number(paths), fields)}`,
      String(record.sequence),
      ...(former === undefined ? [] : [String(former.occurrence.position)]),
    ],
  );
}

async function writeSettled(
  { calls, names, outbox }: LedgerContext,
  { shard, recordId, token }: Asked,
  admission: Admission,
  { status, sequence, event }: Extract<AdmissionDecision, { type: 'settled' }>,
  standing: Standing,
): Promise<Reply> {
  const { batchId, occurrence } = admission;
  const former = standing.stored?.record;
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
    ],
    [
      ...comparing(admission, recordId, standing),
      String(statusCode[status]),
      String(amount ?? 0n),
      currencyOf(admission),
      String(sequence),
      token,
      ...outbox.argumentsOf(event),
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
