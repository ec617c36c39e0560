/**
 * Writes the items of an export into Redis: each as the scripts that pay from it expect it. What a stand-alone ledger keeps
 * of each occurrence without a record, its batch and amount, is in the totals alone here: the totals of the file count, and
 * what the records do not account for is added to them in the shard of the batch.
 */
import { checkAmount } from '../../../batches/record/check-change.ts';
import { isPacked, isPackedSession } from '../../../batches/record/packed.ts';
import { isFinal } from '../../../batches/record/status.ts';
import type { TallyRow } from '../../../batches/record/tally.ts';
import { statusCode } from '../codes.ts';
import { dueTimeOf, queueTimeOf } from '../due-times.ts';
import { LedgerIncompleteError } from '../errors.ts';
import { onOtherMachine, type MovedItem, type MovedOccurrence, type MovedRecord } from '../moved-items.ts';
import { scoreText } from './advance.ts';
import type { BatchStore } from './batches.ts';
import type { LedgerContext } from './context.ts';
import { LedgerTotalsError, placeText } from './errors.ts';
import { microsecondsAt } from './key-names.ts';
import { copyMark, isFilePlace, movedToken, type Place } from './places.ts';
import { alertText, encodeImmutable, encodeMutable, encodePermanent, firstText, statusCodeText, templateOf } from './record-codec.ts';
import { scripts } from './scripts.ts';
import { packClaim, packedClaim } from './sessions.ts';
import { encodeEntry } from './trails.ts';

type ItemOf<Type extends MovedItem['type']> = Extract<MovedItem, { type: Type }>;

export function createImport(context: LedgerContext, batches: BatchStore): (item: MovedItem) => Promise<void> {
  const { names } = context;
  /** The same file gives each the same number. */
  let duplicates = 0;
  return async (item) => {
    switch (item.type) {
      case 'ledger':
        // Its times are written with the shards.
        return;
      case 'batch':
        return writeBatch(context, batches, item);
      case 'record':
        return writeRecord(context, item);
      case 'occurrence': {
        const { counted, status } = item;
        const number = status === 'duplicate' && counted !== null ? (duplicates += 1) : 0;
        await writePlace(context, item);
        return number === 0 || counted === null ? undefined : writeDuplicate(context, counted.batchId, counted.recordId ?? '', number);
      }
      case 'duplicate':
        return writeDuplicate(context, item.batchId, item.recordId, (duplicates += 1));
      case 'loose': {
        const shard = names.shardOf(item.recordId);
        return setFields(context, shard, names.loose(shard), [item.recordId, String(item.sequence)]);
      }
      case 'session':
        return writeSession(context, item);
      case 'dead_letters':
        return writeDeadLetters(context, item);
      case 'tallies':
        return writeTallies(context, batches, item);
      case 'day_total':
        return writeDayTotal(context, item);
      case 'pause':
      case 'gates':
      case 'terms':
      case 'event':
        // Set, and published, by the one who imports.
        return;
    }
  };
}

/** The claim of a packed record names its session by a hash. */
async function writeSession(context: LedgerContext, { sessionId, recordId }: ItemOf<'session'>): Promise<void> {
  const { calls, names } = context;
  if (isPackedSession(sessionId)) return packClaim(context, sessionId, { recordId });
  const { hex, field, rest } = packedClaim(sessionId);
  const shard = names.shardOf(sessionId);
  const keys = [names.sessions(shard, sessionId), ...names.packedSessions(shard, hex)];
  await calls.run(shard, scripts.claimSession, keys, [sessionId, recordId, field, rest]);
}

const setFields = async ({ calls }: LedgerContext, shard: number, key: string, fields: readonly string[]): Promise<void> =>
  void (await calls.run(shard, scripts.importFields, [key], fields));

/** As granted to the first shard, and used up there. */
const writeDayTotal = (context: LedgerContext, { currency, day, minor: sum }: ItemOf<'day_total'>): Promise<void> =>
  setFields(context, 0, context.names.meta(0), [
    ...[`day:${currency}`, `${day} ${sum} ${sum}`],
    ...[`granted:${currency}`, `${day} ${sum}`],
    ...[`granted:${currency}:0`, `${day} ${sum}`],
  ]);

/** How far a file was enqueued is not: the topic may be another one, and what is known is not sent again. */
async function writeBatch(context: LedgerContext, batches: BatchStore, { batch }: ItemOf<'batch'>): Promise<void> {
  const { batchId, state, phase, startedAt, finishedAt, sent, firstSentAt, lastSentAt } = batch;
  await batches.openBatch({ ...batch, at: startedAt });
  const sends = { sent, first: firstSentAt, newest: lastSentAt };
  const fields = Object.entries(sends).flatMap(([name, value]) => (value === null || value === 0 ? [] : [name, String(value)]));
  const shard = context.names.shardOf(batchId);
  if (fields.length > 0) await setFields(context, shard, context.names.tally(shard, batchId), fields);
  if (finishedAt !== null) await batches.updateBatch({ batchId, state: 'finished', at: finishedAt });
  await batches.updateBatch({ batchId, state, phase, at: finishedAt ?? startedAt });
}

async function writeRecord(context: LedgerContext, item: MovedRecord): Promise<void> {
  const { calls, names, strings, keys, place } = context;
  const record = onOtherMachine(item.record);
  const { recordId, batchId, occurrence } = record;
  checkAmount(record.amountMinor);
  const shard = names.shardOf(recordId);
  await context.places.claim(occurrence, shard);
  const template = await strings.numberOf(shard, templateOf(record));
  const { answer } = await calls.run(
    shard,
    scripts.importRecord,
    [
      names.places(shard, occurrence),
      names.record(shard, recordId),
      names.tally(shard, batchId),
      names.index(shard, batchId, record.status),
      names.open(shard),
      names.queue(shard),
      names.due(shard, batchId),
      names.body(shard, recordId),
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
      `${encodeMutable(record, keys)}\n${await fixedLine(context, shard, item)}`,
      scoreText(queueTimeOf(record)),
      scoreText(dueTimeOf(record)),
      bodyOf(item),
      eraseText(item),
      String(record.sequence),
      batchId,
      alertText(record),
      numberText(item.admittedAt),
      // What ended is packed by its end, and what was packed before at once.
      isPacked(record)
        ? String(Math.min(item.order, mostOrder) * names.step)
        : numberText(isFinal[record.status] ? (item.endedAt ?? item.changedAt) : item.changedAt),
      ...item.trail.map(encodeEntry),
    ],
  );
  if (answer === 'full') throw new LedgerTotalsError(place, batchId, record.currency);
}

/** Far below every number of a change. */
const mostOrder = 1_000_000_000;

const numberText = (at: number | null): string => (at === null || at === 0 ? '' : String(microsecondsAt(at)));

async function fixedLine({ strings }: LedgerContext, shard: number, { record, fields }: MovedRecord): Promise<string> {
  if (fields === null) return encodePermanent(record);
  const paths = await strings.numberOf(shard, fields.paths);
  return encodeImmutable(record, Number(paths), { paths: fields.paths, digests: Buffer.from(fields.digests, 'base64') });
}

const eraseText = ({ body }: MovedRecord): string => (typeof body?.eraseAt === 'number' ? String(Math.ceil(body.eraseAt)) : '');

const bodyOf = ({ body }: MovedRecord): Buffer | string =>
  body === null ? '' : Buffer.concat([Buffer.from(`${body.attempt}\n`), Buffer.from(body.sealed, 'base64')]);

async function writePlace(context: LedgerContext, { stream, position, status, shard: its, counted }: MovedOccurrence): Promise<void> {
  const { names, places } = context;
  const place = { stream, position };
  const recordId = counted?.recordId ?? null;
  const own = recordId === null ? names.shardOfPlace(place) : names.shardOf(recordId);
  const [shard = own, ...others] = its === null ? [own] : names.shardsOfExported(its);
  const outcome = `${statusCode[status]}:${movedToken}`;
  if (isFilePlace(place)) await places.claim(place, shard);
  else if (its !== null && others.length > 0) return writeCopies(context, [shard, ...others], place, `${outcome}${copyMark}${its}`);
  await setFields(context, shard, names.places(shard, place), [String(position), outcome]);
}

/**
 * A place of a topic is looked for where its record id leads, which the export does not name: it is in every shard that this may
 * be. Each says from where, so that the next export has it once.
 */
async function writeCopies(context: LedgerContext, shards: readonly number[], place: Place, outcome: string): Promise<void> {
  const { names } = context;
  await Promise.all(shards.map((shard) => setFields(context, shard, names.places(shard, place), [String(place.position), outcome])));
}

/** As the scripts write them: record id, the order of its admission where it is known, and a number. */
async function writeDuplicate({ calls, names }: LedgerContext, batchId: string, recordId: string, number: number): Promise<void> {
  const shard = names.shardOf(recordId);
  await calls.run(shard, scripts.importDuplicate, [names.duplicates(shard, batchId)], [`${recordId}::${number}`]);
}

async function writeDeadLetters(context: LedgerContext, { place, count }: ItemOf<'dead_letters'>): Promise<void> {
  const { calls, names } = context;
  if (place === null) return setFields(context, 0, names.meta(0), ['dead_letters', String(count)]);
  const shard = names.shardOfPlace(place);
  await calls.run(shard, scripts.countDeadLetter, [names.deadLetters(shard, place.stream)], [String(place.position)]);
}

async function writeTallies(context: LedgerContext, batches: BatchStore, { batchId, rows }: ItemOf<'tallies'>): Promise<void> {
  const { calls, names, place } = context;
  const shard = names.shardOf(batchId);
  const nameOf = ({ status, currency }: TallyRow): string => `${statusCode[status]}:${currency}`;
  const found = new Map((await batches.tallies(batchId)).map((row) => [nameOf(row), row]));
  const own = (await calls.read(shard, 'hgetall', names.tally(shard, batchId))) as Readonly<Record<string, string>>;
  const fields: string[] = [];
  for (const row of rows) {
    const name = nameOf(row);
    const count = row.count - (found.get(name)?.count ?? 0);
    const amount = row.amountMinor - (found.get(name)?.amountMinor ?? 0n);
    if (count < 0 || amount < 0n)
      throw new LedgerIncompleteError(
        `${placeText(place)} does not count what the file says of batch ${batchId}: the ledger that was exported does not balance. Nothing is paid from it.`,
      );
    if (count === 0 && amount === 0n) continue;
    fields.push(`n${name}`, String(Number(own[`n${name}`] ?? 0) + count), `a${name}`, String(BigInt(own[`a${name}`] ?? 0) + amount));
  }
  if (fields.length > 0) await setFields(context, shard, names.tally(shard, batchId), fields);
}
