/**
 * The ledger written anew from what Kafka holds, after Redis lost data. What the results say is taken as it is; an
 * instruction without a result may have been sent, so it becomes `unknown`, first sent when it reached the broker.
 * Nothing is ever made fresh again.
 */
import { DatabaseSync } from 'node:sqlite';
import { queuedRecord } from '../../batches/record/admission.ts';
import { serialise } from '../../batches/pipeline/request-body.ts';
import type { FieldDigests, Fingerprints } from '../../batches/record/fingerprint.ts';
import type { ValidInstruction, Occurrence } from '../../batches/instruction/instruction.ts';
import type { Clock } from '../../batches/ports/clock.ts';
import type { SharedLedger } from '../../batches/ports/ledger.ts';
import type { LedgerRecord } from '../../batches/record/record.ts';
import { recordEvent, type ResultEvent } from '../../batches/record/result-event.ts';
import { isFinal, type RecordStatus } from '../../batches/record/status.ts';
import { whyNotResend, type TransitionSettings } from '../../batches/record/resend-rules.ts';
import type { InstructionMessage, MessageReading } from '../../batches/event/read-message.ts';

export interface RebuildDeps {
  readonly ledger: SharedLedger;
  readonly rules: TransitionSettings;
  readonly fingerprints: Fingerprints;
  readonly clock: Clock;
  /** As it was read when it came. */
  readonly read: (message: InstructionMessage) => MessageReading;
  /** Whether it would be paid under the limits of now; what would not is left to a person. */
  readonly isWithinLimits: (message: InstructionMessage) => boolean;
  /** Each from its beginning to its end. */
  readonly results: AsyncIterable<ResultEvent>;
  readonly instructions: AsyncIterable<InstructionMessage>;
  /** The places that dead letters tell. */
  readonly deadLetters: AsyncIterable<{ readonly stream: string; readonly position: number }>;
  readonly onProgress: (report: RebuildReport) => void;
}

/** Printed by `rebuild --json`. */
export interface RebuildReport {
  readonly results: number;
  readonly instructions: number;
  /** Records written, by where they stand now. */
  readonly records: Readonly<Partial<Record<RecordStatus, number>>>;
  /** Occurrences that ended without a record of their own. */
  readonly settled: number;
  /** Of the unknown records, those without any result: perhaps sent, and nobody was told. */
  readonly without_result: number;
  readonly dead_letters: number;
}

const noFields: FieldDigests = { paths: '', digests: Buffer.alloc(0) };
const fileBatch = /^[0-9a-f]{64}$/;
/** Writes under way at once; enough for Redis to sync many together. */
const atOnce = 256;

/** `file:<batch>:<line>` or `topic:<name>:<partition>:<offset>`, as the event ids are made from. */
const occurrenceText = ({ stream, position }: Pick<Occurrence, 'stream' | 'position'>): string => `${stream}:${position}`;

function occurrenceOf({ source, batch_id: batchId }: ResultEvent): Occurrence {
  return 'file' in source
    ? { stream: `file:${batchId}`, position: source.line, source }
    : { stream: `topic:${source.topic}:${source.partition}`, position: Number(source.offset), source };
}

export async function rebuild(deps: RebuildDeps): Promise<RebuildReport> {
  const told = createResultIndex();
  try {
    return await rebuildFrom(deps, told);
  } finally {
    told.close();
  }
}

async function rebuildFrom(deps: RebuildDeps, told: ResultIndex): Promise<RebuildReport> {
  const { ledger, clock, fingerprints, rules } = deps;
  const counts = { results: 0, instructions: 0, settled: 0, without_result: 0, dead_letters: 0 };
  const records: Partial<Record<RecordStatus, number>> = {};
  const report = (): RebuildReport => ({ ...counts, records: { ...records } });
  const writes = createWrites();
  const batches = new Set<string>();
  /** File batches that have rows on the topic: only released ones are handed over. */
  const released = new Set<string>();
  const ensureBatch = async (batchId: string, { source }: Occurrence): Promise<void> => {
    if (batches.has(batchId)) return;
    batches.add(batchId);
    const file = 'file' in source ? source.file : source.topic;
    await ledger.openBatch({ batchId, file, policy: null, encoding: 'utf-8', delimiter: '', bytes: 0, blockDigests: [], at: clock.now() });
  };
  const restore = async (params: Parameters<SharedLedger['restore']>[0]): Promise<void> => {
    const { record } = params;
    await ensureBatch(record.batchId, record.occurrence);
    records[record.status] = (records[record.status] ?? 0) + 1;
    await writes.add(ledger.restore(params));
  };

  for await (const event of deps.results) {
    told.take(event);
    counts.results += 1;
    if (counts.results % 10_000 === 0) deps.onProgress(report());
  }

  for await (const message of deps.instructions) {
    counts.instructions += 1;
    if (counts.instructions % 10_000 === 0) deps.onProgress(report());
    const found = deps.read(message);
    // What is dead or refused was never sent: without a result it is read and told again.
    if (found.type === 'dead' || !found.reading.ok) continue;
    const { draft } = found.reading;
    if (fileBatch.test(found.batchId)) released.add(found.batchId);
    const place = occurrenceText(found.occurrence);
    const known = told.record(draft.recordId);
    // What did not bind its id leaves it free: another place may have been sent under it since.
    const isFreed = known !== undefined && !takesRecordId(known) && occurrenceText(occurrenceOf(known)) !== place;
    const event = isFreed ? undefined : known;
    // By the producer's clock it may lie ahead, and a key must not seem younger than it is.
    const firstSentAt = Math.min(message.timestamp, clock.now());
    if (event === undefined) {
      if (told.isSettled(place) || told.isRestored(draft.recordId)) continue;
      if (isFreed) told.settle(draft.recordId);
      const mayRepeat = deps.isWithinLimits(message);
      const sequence = told.sequence(draft.recordId);
      const record = restoreAsUnknown(deps, {
        occurrence: found.occurrence,
        batchId: found.batchId,
        draft,
        firstSentAt,
        sequence,
        mayRepeat,
      });
      told.noteRestored(draft.recordId);
      counts.without_result += 1;
      await restore({
        record,
        ...(mayRepeat ? bodyToKeep(record, draft) : { fields: fingerprints.fields(draft) }),
        event: recordEvent(rules.keys, record, clock.now()),
      });
    } else if (occurrenceText(occurrenceOf(event)) === place && takesRecordId(event) && !told.isRestored(draft.recordId)) {
      const record = recordFrom(deps, event, { draft, firstSentAt, sequence: told.sequence(draft.recordId) });
      told.noteRestored(draft.recordId);
      await restore({ record, ...bodyToKeep(record, draft) });
    }
  }

  for (const event of told.unrestored()) {
    const sequence = told.sequence(event.record_id ?? '');
    const record = recordFrom(deps, event, { draft: undefined, firstSentAt: Date.parse(event.occurred_at), sequence });
    await restore({ record, fields: noFields });
  }
  for (const event of told.settled()) {
    const occurrence = occurrenceOf(event);
    await ensureBatch(event.batch_id, occurrence);
    counts.settled += 1;
    await writes.add(
      ledger.restoreSettled({
        occurrence,
        batchId: event.batch_id,
        recordId: event.record_id,
        status: event.status as 'rejected' | 'duplicate' | 'conflict',
        amountMinor: event.amount_details === undefined ? undefined : BigInt(event.amount_details.amount),
        currency: event.amount_details?.currency,
        sequence: event.sequence,
      }),
    );
  }
  // Nothing of the others was handed over: an all-or-nothing file among them is decided anew when it is run again.
  for (const batchId of batches)
    if (fileBatch.test(batchId) && !released.has(batchId)) await ledger.updateBatch({ batchId, phase: 'admitting', at: clock.now() });
  for await (const place of deps.deadLetters) {
    counts.dead_letters += 1;
    await writes.add(ledger.countDeadLetter(place));
  }
  await writes.idle();
  return report();

  function bodyToKeep(record: LedgerRecord, draft: ValidInstruction): { fields: FieldDigests; body?: Uint8Array } {
    const keeps = !isFinal[record.status] && record.sessionId === null && !draft.hasCardNumber;
    return { fields: fingerprints.fields(draft), ...(keeps ? { body: serialise(draft, record) } : {}) };
  }
}

const blank = {
  version: 1,
  entryId: null,
  confirmSession: null,
  cancelSession: null,
  checks: 0,
  leaseOwner: null,
  leaseUntil: null,
} as const;

/** A record as its newest result tells it. Without its instruction its bytes are not known, and it is never repeated. */
function recordFrom(
  { rules, clock }: RebuildDeps,
  event: ResultEvent,
  known: { readonly draft: ValidInstruction | undefined; readonly firstSentAt: number; readonly sequence: number },
): LedgerRecord {
  const { record_id: recordId, kind, amount_details: amount, fingerprint } = event;
  if (recordId === undefined || kind === undefined || amount === undefined || fingerprint === undefined)
    throw new TypeError(`the result ${event.event_id} lacks what every result of a record has`);
  const attempt = event.attempt ?? 1;
  const sent = event.attempt !== undefined;
  const record: LedgerRecord = {
    ...blank,
    recordId,
    kind,
    batchId: event.batch_id,
    occurrence: occurrenceOf(event),
    amountMinor: BigInt(amount.amount),
    currency: amount.currency,
    destination: event.destination,
    metadata: event.metadata as LedgerRecord['metadata'],
    hasCardNumber: known.draft?.hasCardNumber ?? false,
    fingerprint,
    attempt,
    idempotencyKey: event.idempotency_key ?? rules.keys.idempotencyKey(kind, recordId, attempt),
    status: event.status as RecordStatus,
    sequence: Math.max(known.sequence, event.sequence),
    firstSentAt: sent ? known.firstSentAt : null,
    keyLifetimeMs: event.key_lifetime_ms ?? null,
    idempotencyHeader: event.idempotency_header ?? null,
    sends: sent ? 1 : 0,
    alreadyReceived: event.session_id !== undefined || event.error?.code === 'idempotency_key_already_exists',
    sessionId: event.session_id ?? null,
    isSessionProven: event.session_id !== undefined && event.error?.code !== 'session_unproven',
    entryId: event.entry_id ?? null,
    reason: event.error ?? null,
    resend: null,
    dueAt: null,
  };
  if (isFinal[record.status]) return record;
  const now = clock.now();
  const mayResend = known.draft !== undefined && whyNotResend(rules, record, now) === null;
  return record.sessionId !== null || mayResend ? { ...record, dueAt: now } : record;
}

/** An instruction that nobody has told anything about: it may have been sent. */
function restoreAsUnknown(
  { rules, clock, fingerprints }: RebuildDeps,
  seen: {
    readonly occurrence: Occurrence;
    readonly batchId: string;
    readonly draft: ValidInstruction;
    readonly firstSentAt: number;
    readonly sequence: number;
    readonly mayRepeat: boolean;
  },
): LedgerRecord {
  const { occurrence, batchId, draft, firstSentAt, sequence, mayRepeat } = seen;
  const record: LedgerRecord = {
    ...queuedRecord(rules.keys, { occurrence, batchId, draft, fingerprint: fingerprints.fingerprint(draft) }),
    status: 'unknown',
    sequence: sequence + 1,
    firstSentAt,
    sends: 1,
    reason: {
      code: 'send_interrupted',
      description: `The ledger lost what became of it and was rebuilt: it may have been sent.${mayRepeat ? '' : ' It is not repeated: it is not valid under the limits of now.'}`,
    },
  };
  const now = clock.now();
  return mayRepeat && whyNotResend(rules, record, now) === null ? { ...record, dueAt: now } : record;
}

/** Only an intent binds a record id; see `batches/record/admission.ts`. */
const takesRecordId = ({ status, attempt }: ResultEvent): boolean =>
  !(status === 'rejected' || (status === 'cancelled' && attempt === undefined));

interface ResultIndex {
  /** What was told of the record itself ended there, and its id is somebody else's now. */
  settle(recordId: string): void;
  take(event: ResultEvent): void;
  /** The newest result of the record that stands under this id. */
  record(recordId: string): ResultEvent | undefined;
  /** The highest sequence that any result under this id has. */
  sequence(recordId: string): number;
  isSettled(place: string): boolean;
  isRestored(recordId: string): boolean;
  noteRestored(recordId: string): void;
  unrestored(): Iterable<ResultEvent>;
  settled(): Iterable<ResultEvent>;
  close(): void;
}

/** What the results tell, in a temporary database that spills to disk by itself: there may be millions. */
function createResultIndex(): ResultIndex {
  const db = new DatabaseSync('');
  db.exec(`PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
    CREATE TABLE record (record_id TEXT PRIMARY KEY, sequence INTEGER, place TEXT, event TEXT, restored INTEGER DEFAULT 0);
    CREATE TABLE settled (place TEXT PRIMARY KEY, event TEXT);
    CREATE TABLE named (record_id TEXT PRIMARY KEY, sequence INTEGER);
    CREATE TABLE found (record_id TEXT PRIMARY KEY);
    BEGIN`);
  const newest = db.prepare('SELECT sequence, place, event FROM record WHERE record_id = ?');
  const putRecord = db.prepare(
    'INSERT INTO record (record_id, sequence, place, event) VALUES (?, ?, ?, ?) ON CONFLICT (record_id) DO UPDATE SET sequence = excluded.sequence, place = excluded.place, event = excluded.event',
  );
  const putSettled = db.prepare('INSERT INTO settled VALUES (?, ?) ON CONFLICT (place) DO NOTHING');
  const raise = db.prepare(
    'INSERT INTO named VALUES (?, ?) ON CONFLICT (record_id) DO UPDATE SET sequence = max(sequence, excluded.sequence)',
  );
  const sequenceOf = db.prepare('SELECT sequence FROM named WHERE record_id = ?');
  const settledAt = db.prepare('SELECT 1 FROM settled WHERE place = ?');
  const restored = db.prepare('SELECT restored FROM record WHERE record_id = ?');
  const mark = db.prepare('UPDATE record SET restored = 1 WHERE record_id = ?');
  const putFound = db.prepare('INSERT INTO found VALUES (?) ON CONFLICT DO NOTHING');
  const drop = db.prepare('DELETE FROM record WHERE record_id = ?');
  const found = db.prepare('SELECT 1 FROM found WHERE record_id = ?');
  const parse = (row: Record<string, unknown>): ResultEvent => JSON.parse(String(row['event'])) as ResultEvent;

  const takeRecord = (recordId: string, place: string, event: ResultEvent): void => {
    const before = newest.get(recordId) as { sequence: number; place: string; event: string } | undefined;
    if (before !== undefined && before.sequence >= event.sequence) {
      if (before.place !== place) putSettled.run(place, JSON.stringify(event));
      return;
    }
    // An id that was free again was taken at another place: what ended there stays told.
    if (before !== undefined && before.place !== place) putSettled.run(before.place, before.event);
    putRecord.run(recordId, event.sequence, place, JSON.stringify(event));
  };

  return {
    settle(recordId) {
      const row = newest.get(recordId) as { place: string; event: string } | undefined;
      if (row === undefined) return;
      putSettled.run(row.place, row.event);
      drop.run(recordId);
    },
    take(event) {
      const { record_id: recordId } = event;
      if (recordId !== undefined) raise.run(recordId, event.sequence);
      const place = occurrenceText(occurrenceOf(event));
      // Only a record's own results carry its fingerprint.
      if (recordId !== undefined && event.fingerprint !== undefined) takeRecord(recordId, place, event);
      else putSettled.run(place, JSON.stringify(event));
    },
    record(recordId) {
      const row = newest.get(recordId);
      return row === undefined ? undefined : parse(row);
    },
    sequence: (recordId) => Number(sequenceOf.get(recordId)?.['sequence'] ?? 0),
    isSettled: (place) => settledAt.get(place) !== undefined,
    isRestored: (recordId) => restored.get(recordId)?.['restored'] === 1 || found.get(recordId) !== undefined,
    noteRestored(recordId) {
      mark.run(recordId);
      putFound.run(recordId);
    },
    *unrestored() {
      for (const row of db.prepare('SELECT event FROM record WHERE restored = 0').iterate()) yield parse(row);
    },
    *settled() {
      for (const row of db.prepare('SELECT event FROM settled').iterate()) yield parse(row);
    },
    close: () => db.close(),
  };
}

/** A bounded number of writes at once; the first failure ends it. */
function createWrites() {
  const underWay = new Set<Promise<void>>();
  return {
    async add(write: Promise<void>): Promise<void> {
      const mine = write.then(() => void underWay.delete(mine));
      mine.catch(() => undefined);
      underWay.add(mine);
      if (underWay.size >= atOnce) await Promise.race(underWay);
    },
    idle: () => Promise.all(underWay),
  };
}
