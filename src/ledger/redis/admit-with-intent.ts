/** Admits a new occurrence together with the intent of its record. Where anything is in the way, nothing is written. */
import { decideAdmission } from '../../../batches/record/admission.ts';
import { checkChange, checkNewRecord } from '../../../batches/record/check-change.ts';
import type { Change } from '../../../batches/record/change.ts';
import { decideFirstIntent, type FirstIntent } from '../../../batches/record/first-intent.ts';
import type { Admission, IntentVerdict, LedgerRecord } from '../../../batches/record/record.ts';
import { queueTimeOf } from '../due-times.ts';
import { comparison, look, nothing, targetNow, type Target } from './admission.ts';
import { scoreText, sealedBody } from './advance.ts';
import type { LedgerContext } from './context.ts';
import { encodeImmutable, encodeMutable, firstText, templateOf } from './record-codec.ts';
import type { Reply } from './script-client.ts';
import { scripts } from './scripts.ts';
import { storedOf } from './stored-record.ts';
import { encodeEntry } from './trails.ts';

/** @returns null when nothing was written: the intent is refused, the record id is known, or there is no memory now */
export async function admitWithIntent(context: LedgerContext, admission: Admission, intent: FirstIntent): Promise<IntentVerdict | null> {
  const { content } = admission;
  const target = await targetNow(context, admission);
  if (target === null || 'type' in target) return target;
  const decision = decideAdmission(context, admission, { record: undefined, fields: () => noFields, lastSequence: 0 });
  // A body with a card number is never kept, and a rejected instruction has no intent.
  if (content.type !== 'valid' || content.draft.hasCardNumber || decision.type !== 'admitted') return null;

  checkNewRecord(decision.record);
  const change = decideFirstIntent(context, decision.record, intent);
  checkChange(change);
  // Of its own: under that of the target, the record without an intent may be written.
  const token = context.nextToken();
  const its = { ...change, audit: [...decision.audit, ...(change.audit ?? [])] };
  const reply = await write(context, { ...target, token }, { ...admission, content }, its);
  if (reply === null) return null;
  if (reply.answer === 'written' || (await isWrittenBefore(context, target, token, reply)))
    return { type: 'intended', record: change.after };
  if (reply.answer !== 'known') return null;
  const found = await look(context, target, admission, reply);
  return 'type' in found ? found : null;
}

const noFields = { paths: '', digests: Buffer.alloc(0) };

/** The reply to an earlier call of this very intent was lost. */
async function isWrittenBefore(
  context: LedgerContext,
  { shard, recordId }: Target,
  token: string,
  { answer, repeated, values: [, value = ''] }: Reply,
): Promise<boolean> {
  const found = storedOf(value);
  if (answer !== 'known' || !repeated || recordId === undefined || found === undefined) return false;
  return (await context.readRecord(shard, recordId, found)).token === token;
}

type ValidAdmission = Admission & { readonly content: Extract<Admission['content'], { type: 'valid' }> };

const keysOf = ({ names }: LedgerContext, shard: number, { batchId, recordId, occurrence }: LedgerRecord): readonly string[] => [
  names.places(shard, occurrence),
  names.record(shard, recordId),
  names.loose(shard),
  names.tally(shard, batchId),
  names.index(shard, batchId, 'submitting'),
  names.open(shard),
  names.active(shard),
  names.trail(shard, recordId),
  names.queue(shard),
  names.body(shard, recordId),
  names.pauses(shard),
  ...names.packed(shard, recordId),
];

/** @returns null when Redis has no memory for what the record shares with others */
async function write(context: LedgerContext, { shard, token }: Target, admission: ValidAdmission, change: Change): Promise<Reply | null> {
  const { calls, strings, keys, seal } = context;
  const { after, body, audit = [] } = change;
  if (body === undefined || !('keep' in body)) throw new TypeError(`the intent of ${after.recordId} has no body`);
  const { fields } = admission.content;
  const [template, paths] = [await strings.numberNow(shard, templateOf(after)), await strings.numberNow(shard, fields.paths)];
  if (template === null || paths === null) return null;
  return calls.run(
    shard,
    scripts.admitWithIntent,
    keysOf(context, shard, after),
    [
      ...comparison(admission, after.recordId, nothing),
      String(after.version),
      String(after.amountMinor),
      after.currency,
      template,
      token,
      `${encodeMutable(after, keys)}\n${encodeImmutable(after, Number(paths), fields)}`,
      firstText(after),
      scoreText(queueTimeOf(after)),
      sealedBody(seal, after, body.keep),
      after.batchId,
      ...audit.map(encodeEntry),
    ],
    { mayPostpone: true },
  );
}
