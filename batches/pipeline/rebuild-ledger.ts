/**
 * A ledger from what the topics hold, after its own data was lost. What the results say is taken as it is; an
 * instruction without a result may have been sent, so it becomes `unknown`. Nothing is ever restored as new, and what
 * no instance can have started is left for the instances.
 */
import { createWrites, type Writes } from './bounded-writes.ts';
import type { InstructionMessage, MessageReading } from '../event/read-message.ts';
import type { Occurrence, ValidInstruction } from '../instruction/instruction.ts';
import type { SharedLedger } from '../ports/ledger.ts';
import type { RebuildIndex } from '../ports/rebuild-index.ts';
import { admitOne } from '../ports/single.ts';
import type { FieldDigests } from '../record/fingerprint.ts';
import type { LedgerRecord } from '../record/record.ts';
import { recordEvent, type ResultEvent } from '../record/result-event.ts';
import { isFinal, type RecordStatus } from '../record/status.ts';
import { reasonToTell } from '../record/step.ts';
import { createBatchOpener, type BatchOpening } from './ensure-batch.ts';
import { toAdmission } from './process-instruction.ts';
import type { RebuildReport } from './rebuild-report.ts';
import { noteApproval, restoreApprovals, type Approvals } from './rebuild-approvals.ts';
import {
  createNewestSend,
  noteTerms,
  perhapsSent,
  perhapsSentSince,
  recordFrom,
  withTrail,
  type FoundInstruction,
  type KnownOfRecord,
  type NewestSend,
  type RestoreDeps,
} from './rebuild-records.ts';
import {
  createBacklog,
  noteResult,
  occurrenceOf,
  placeOf,
  settleNewest,
  showsSend,
  takesRecordId,
  type Backlog,
  type BacklogParams,
} from './rebuild-results.ts';
import { settledFrom } from './rebuild-settled.ts';
import { serialise } from './request-body.ts';

export interface RebuildDeps extends RestoreDeps {
  readonly ledger: BatchOpening &
    Pick<SharedLedger, 'restore' | 'restoreSettled' | 'admit' | 'updateBatch' | 'countDeadLetter' | 'terms' | 'setTerms'>;
  readonly index: RebuildIndex;
  /** As it was read when it came. */
  readonly read: (message: InstructionMessage) => MessageReading;
  /** Whether it would be paid under the limits of now; what would not is left to a person. */
  readonly isWithinLimits: (message: InstructionMessage) => boolean;
  readonly backlog: BacklogParams;
  /** Each call reads from the beginning to the end. */
  readonly results: () => AsyncIterable<ResultEvent>;
  readonly instructions: () => AsyncIterable<InstructionMessage>;
  /** The places of the dead letters. */
  readonly deadLetters: () => AsyncIterable<{ readonly stream: string; readonly position: number }>;
  readonly onProgress: (report: RebuildReport) => void;
}

interface Rebuild extends RebuildDeps {
  readonly known: Backlog;
  readonly counts: { -readonly [Name in Exclude<keyof RebuildReport, 'records'>]: number };
  readonly records: Partial<Record<RecordStatus, number>>;
  readonly writes: Writes;
  readonly ensureBatch: ReturnType<typeof createBatchOpener>;
  readonly batches: Set<string>;
  /** File batches that have rows on the topic: only released ones are enqueued. */
  readonly released: Set<string>;
  readonly newest: NewestSend;
  /** Batches of which a result says that a person has approved them, with its time. */
  readonly approved: Approvals;
}

const noFields: FieldDigests = { paths: '', digests: Buffer.alloc(0) };
const fileBatch = /^[0-9a-f]{64}$/;
const progressEvery = 10_000;

/** Reads the instructions three times: for their times, for the records, and for what ended without a record. */
export async function rebuild(deps: RebuildDeps): Promise<RebuildReport> {
  const { index, ledger } = deps;
  const state: Rebuild = {
    ...deps,
    known: createBacklog(deps.backlog),
    counts: {
      results: 0,
      instructions: 0,
      settled: 0,
      settled_without_result: 0,
      settled_open: 0,
      without_result: 0,
      unread: 0,
      dead_letters: 0,
      skipped: 0,
    },
    records: {},
    writes: createWrites(),
    ensureBatch: createBatchOpener(ledger),
    batches: new Set(),
    released: new Set(),
    newest: createNewestSend(),
    approved: new Map(),
  };
  await readResults(state);
  await readDeadLetters(state);
  await readTimes(state);
  for await (const message of deps.instructions()) await restoreMessage(state, message);
  for (const event of index.unrestored()) await restoreResult(state, event);
  await state.writes.idle();
  for (const event of index.settled()) await restoreSettled(state, event);
  await state.writes.idle();
  for await (const message of deps.instructions()) await settleWithoutResult(state, message);
  // Nothing of the others was enqueued: an all-or-nothing file among them is decided again when it is run again.
  for (const batchId of state.batches)
    if (fileBatch.test(batchId) && !state.released.has(batchId))
      await ledger.updateBatch({ batchId, phase: 'admitting', at: deps.clock.now() });
  await state.writes.idle();
  await restoreApprovals(ledger, state.approved);
  return reportOf(state);
}

const reportOf = ({ counts, records }: Rebuild): RebuildReport => ({ ...counts, records: { ...records } });

async function readResults(state: Rebuild): Promise<void> {
  for await (const event of state.results()) {
    noteResult(state.index, event);
    noteTerms(state.newest, event);
    noteApproval(state.approved, event);
    state.known.note(occurrenceOf(event));
    state.counts.results += 1;
    if (state.counts.results % progressEvery === 0) state.onProgress(reportOf(state));
  }
}

async function readDeadLetters(state: Rebuild): Promise<void> {
  for await (const place of state.deadLetters()) {
    state.counts.dead_letters += 1;
    state.known.note(place);
    await state.writes.add(state.ledger.countDeadLetter(place));
  }
}

/** A record is dated by the earliest of its messages: the same instruction may have been published several times. */
async function readTimes({ index, instructions, read, known, fingerprints }: Rebuild): Promise<void> {
  for await (const message of instructions()) {
    if (known.isUnread(message)) continue;
    const found = read(message);
    if (found.type === 'dead' || !found.reading.ok) continue;
    const { draft } = found.reading;
    index.noteTime(draft.recordId, { at: message.timestamp, by: message.isBrokerTime === true ? 'broker' : 'producer' });
    if (isWithoutResult(index, draft.recordId, placeOf(found.occurrence)))
      index.noteContent(draft.recordId, fingerprints.fingerprint(draft));
  }
}

/** Whether it may have been sent with no result that shows it. */
function isWithoutResult(index: RebuildIndex, recordId: string, place: string): boolean {
  const newest = index.newest(recordId);
  if (index.isSettled(place)) return false;
  // What waits to be sent may have been cancelled since, and another place sent under its id.
  return newest === undefined || (newest.place !== place && !(takesRecordId(newest.event) && showsSend(newest.event)));
}

async function restoreMessage(state: Rebuild, message: InstructionMessage): Promise<void> {
  const { counts, index, known } = state;
  counts.instructions += 1;
  if (counts.instructions % progressEvery === 0) state.onProgress(reportOf(state));
  if (known.isUnread(message)) {
    counts.unread += 1;
    return;
  }
  const found = state.read(message);
  // What is dead or refused was never sent.
  if (found.type === 'dead' || !found.reading.ok) return;
  const { draft } = found.reading;
  const { occurrence, batchId } = found;
  if (fileBatch.test(batchId)) state.released.add(batchId);
  const place = placeOf(occurrence);
  const newest = index.newest(draft.recordId);
  if (index.isRestored(draft.recordId)) return;
  // What did not bind its id leaves it free: another place may have been sent under it since.
  const isFreed = newest !== undefined && !takesRecordId(newest.event) && newest.place !== place;
  if (newest === undefined || isFreed) {
    if (index.isSettled(place)) return;
    if (isFreed) settleNewest(index, draft.recordId);
    return restorePerhapsSent(state, { occurrence, batchId, draft }, state.isWithinLimits(message));
  }
  if (newest.place === place && takesRecordId(newest.event))
    await restoreResult(state, newest.event, { draft, isWithinLimits: state.isWithinLimits(message) });
}

function knownOf({ index, clock, fingerprints }: Rebuild, recordId: string, fingerprint?: string, draft?: ValidInstruction): KnownOfRecord {
  const { earliest, isReliable } = index.time(recordId);
  const isSame = draft !== undefined && fingerprints.fingerprint(draft) === fingerprint;
  return {
    draft: isSame ? draft : undefined,
    // A key must not seem younger than it is.
    firstSentAt: Math.min(earliest ?? 0, clock.now()),
    isDated: isReliable,
    sequence: index.sequence(recordId),
  };
}

function eventOf({ settings, clock }: Rebuild, record: LedgerRecord): ResultEvent {
  const now = clock.now();
  return recordEvent(settings.keys, { ...record, reason: reasonToTell(settings, record, now) }, now);
}

async function restorePerhapsSent(state: Rebuild, found: FoundInstruction, isWithinLimits: boolean): Promise<void> {
  const { counts } = state;
  const { draft } = found;
  const known = {
    ...knownOf(state, draft.recordId),
    newestTerms: state.newest.terms,
    isWithinLimits,
    isOneContent: state.index.hasOneContent(draft.recordId),
  };
  const { record, audit } = withTrail(state, perhapsSent(state, found, known), state.index.head(draft.recordId));
  counts.without_result += 1;
  await restore(state, {
    record,
    fields: state.fingerprints.fields(draft),
    audit,
    event: eventOf(state, record),
    ...(record.dueAt === null ? {} : { body: serialise(draft, record) }),
  });
}

/** @param found its instruction; absent when that is not on the topic any more */
async function restoreResult(
  state: Rebuild,
  event: ResultEvent,
  found?: { draft: ValidInstruction; isWithinLimits: boolean },
): Promise<void> {
  const recordId = event.record_id ?? '';
  const known = knownOf(state, recordId, event.fingerprint, found?.draft);
  const isWaiting = event.status === 'queued';
  if (isWaiting) state.index.noteContent(recordId, event.fingerprint ?? '');
  const isOneContent = state.index.hasOneContent(recordId);
  const terms = { newestTerms: state.newest.terms, isWithinLimits: found?.isWithinLimits ?? true, isOneContent };
  const shown = isWaiting ? perhapsSentSince(state, event, { ...known, ...terms }) : recordFrom(state, event, known);
  if (shown === undefined) {
    state.counts.skipped += 1;
    return;
  }
  const { record, audit } = withTrail(state, shown, state.index.head(shown.recordId));
  const keepsBody = known.draft !== undefined && !isFinal[record.status] && record.sessionId === null && !record.hasCardNumber;
  await restore(state, {
    record,
    fields: known.draft === undefined ? noFields : state.fingerprints.fields(known.draft),
    audit,
    ...(isWaiting ? { event: eventOf(state, record) } : {}),
    ...(keepsBody && known.draft !== undefined ? { body: serialise(known.draft, record) } : {}),
  });
}

async function openBatchOf(state: Rebuild, batchId: string, occurrence: Occurrence): Promise<void> {
  state.batches.add(batchId);
  await state.ensureBatch({ batchId, occurrence, at: state.clock.now() });
}

async function restore(state: Rebuild, params: Parameters<SharedLedger['restore']>[0]): Promise<void> {
  const { record } = params;
  await openBatchOf(state, record.batchId, record.occurrence);
  state.index.markRestored(record.recordId);
  state.records[record.status] = (state.records[record.status] ?? 0) + 1;
  await state.writes.add(state.ledger.restore(params));
}

async function restoreSettled(state: Rebuild, event: ResultEvent): Promise<void> {
  const { settled, isOpen } = settledFrom(state, state.index, event);
  await openBatchOf(state, settled.batchId, settled.occurrence);
  state.counts.settled += 1;
  if (settled.event !== undefined) state.counts.settled_without_result += 1;
  if (isOpen) state.counts.settled_open += 1;
  await state.writes.add(state.ledger.restoreSettled(settled));
}

/**
 * A message below the committed offset is not read again by any instance: what ended without a record, and whose result
 * was lost with the outbox, is decided and published now.
 */
async function settleWithoutResult(state: Rebuild, message: InstructionMessage): Promise<void> {
  const { index, known, ledger, counts, clock } = state;
  if (!known.isCommitted(message)) return;
  const found = state.read(message);
  if (found.type === 'dead') return;
  const { occurrence, batchId, reading } = found;
  const place = placeOf(occurrence);
  if (index.isSettled(place) || (reading.ok && index.newest(reading.draft.recordId)?.place === place)) return;
  await openBatchOf(state, batchId, occurrence);
  const content = toAdmission(state.fingerprints, reading);
  const verdict = await admitOne(ledger, { occurrence, batchId, at: clock.now(), content });
  if (verdict.type !== 'settled' || !verdict.fresh) return;
  counts.settled += 1;
  counts.settled_without_result += 1;
}
