/** What a rebuild writes: records and occurrences as results and instructions show them. Never overwrites anything. */
import { checkAmount, checkBodyMayBeKept } from '../../../batches/record/check-change.ts';
import { isPacked, isPackedSession } from '../../../batches/record/packed.ts';
import type { SharedLedger } from '../../../batches/ports/ledger.ts';
import { statusCode } from '../codes.ts';
import { scoreText, sealedBody } from './advance.ts';
import { LedgerTotalsError } from './errors.ts';
import type { LedgerContext } from './context.ts';
import { dueTimeOf, queueTimeOf } from '../due-times.ts';
import { alertText, encodeImmutable, encodeMutable, firstText, statusCodeText, templateOf } from './record-codec.ts';
import { scripts } from './scripts.ts';
import { packClaim } from './sessions.ts';
import { encodeEntry } from './trails.ts';

type Restore = Pick<SharedLedger, 'restore' | 'restoreSettled'>;

export const createRestore = (context: LedgerContext): Restore => ({
  restore: (params) => restoreRecord(context, params),
  restoreSettled: (params) => restoreSettled(context, params),
});

/** @throws LedgerTotalsError when the totals of its batch have no room for it */
async function restoreRecord(
  context: LedgerContext,
  { record, fields, audit = [], body, event }: Parameters<Restore['restore']>[0],
): Promise<void> {
  const { calls, names, strings, outbox, keys, seal, place } = context;
  const { recordId, batchId, occurrence } = record;
  checkAmount(record.amountMinor);
  if (body !== undefined) checkBodyMayBeKept(record);
  await context.requireBatch(batchId);
  // Of records that share a session the first one restored keeps it.
  await context.sessions.claim(record);
  // Of a record that was packed when its newest result was published only a hash is known.
  if (isPacked(record) && record.sessionId !== null && isPackedSession(record.sessionId))
    await packClaim(context, record.sessionId, { recordId });
  const shard = names.shardOf(recordId);
  // A place that records of two shards share stays the first one's; no record is left out for it.
  await context.places.claim(occurrence, shard);
  const template = await strings.numberOf(shard, templateOf(record));
  const paths = await strings.numberOf(shard, fields.paths);
  const reply = await calls.run(
    shard,
    scripts.restoreRecord,
    [
      names.places(shard, occurrence),
      names.record(shard, recordId),
      names.loose(shard),
      names.tally(shard, batchId),
      names.index(shard, batchId, record.status),
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
      ...names.packed(shard, recordId),
    ],
    [
      String(occurrence.position),
      recordId,
      String(record.version),
      statusCodeText(record),
      record.hasCardNumber ? '1' : '0',
      String(record.amountMinor),
      record.currency,
      template,
      firstText(record),
      context.nextToken(),
      `${encodeMutable(record, keys)}\n${encodeImmutable(record, Number(paths), fields)}`,
      scoreText(queueTimeOf(record)),
      scoreText(dueTimeOf(record)),
      body === undefined ? '' : sealedBody(seal, record, body),
      ...outbox.argumentsOf(event),
      String(record.sequence),
      batchId,
      alertText(record),
      ...audit.map(encodeEntry),
    ],
  );
  if (reply.answer === 'full') throw new LedgerTotalsError(place, batchId, record.currency);
  if (event === undefined) return;
  if (reply.answer === 'written') outbox.decided(shard, reply, outbox.argumentsOf(event));
  else if (reply.answer === 'again') await outbox.recover(shard);
}

async function restoreSettled(context: LedgerContext, params: Parameters<Restore['restoreSettled']>[0]): Promise<void> {
  const { calls, names, outbox } = context;
  const { occurrence, batchId, recordId, status, amountMinor, currency, sequence, event } = params;
  checkAmount(amountMinor);
  await context.requireBatch(batchId);
  const shard = recordId === undefined ? names.shardOfPlace(occurrence) : names.shardOf(recordId);
  await context.places.claim(occurrence, shard);
  const readable = amountMinor !== undefined && currency !== undefined;
  const reply = await calls.run(
    shard,
    scripts.restoreSettled,
    [
      names.places(shard, occurrence),
      names.loose(shard),
      names.tally(shard, batchId),
      names.duplicates(shard, batchId),
      names.record(shard, recordId ?? ''),
      names.outboxTimes(shard),
      names.outboxEvents(shard),
    ],
    [
      String(occurrence.position),
      recordId ?? '',
      String(statusCode[status]),
      readable ? String(amountMinor) : '0',
      readable ? currency : '',
      String(sequence),
      ...outbox.argumentsOf(event),
    ],
  );
  if (event === undefined) return;
  if (reply.answer === 'written') outbox.decided(shard, reply, outbox.argumentsOf(event));
  // Perhaps by this call, whose first answer was lost.
  else await outbox.recover(shard);
}
