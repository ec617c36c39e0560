/** What must hold after every schedule, whatever happened in it. Each check compares the books with what is true at the bank. */
import { isDeepStrictEqual } from 'node:util';
import { isBalanced, type TallyRow } from '../batches/record/tally.ts';
import { isFinal } from '../batches/record/status.ts';
import { readResultEvent, type ResultEvent } from '../batches/record/result-event.ts';
import type { LedgerRecord } from '../batches/record/record.ts';
import { recount, tallies, trail } from '../src/ledger/memory/queries.ts';
import { gateViolations, isExplainedWait } from './gate-invariants.ts';
import type { World } from './world.ts';

/** @returns a sentence for each thing that does not hold */
export function violationsOf(world: World): string[] {
  const records = [...world.store.records.values()].map(({ record }) => record);
  const events = world.results.map((line) => readResultEvent(line)).filter((event) => event !== undefined);
  return [
    ...paidTwice(world),
    ...keysOfAttempts(world),
    ...records.flatMap((record) => endsOf(world, record)),
    ...stillMoving(world),
    ...books(world),
    ...published(world, events),
    ...records.flatMap((record) => trailOf(world, record, events)),
    ...endedByPersons(world),
    ...gateViolations(world),
    ...(world.requests.length === 0 ? [] : [`${world.requests.length} commands have no answer`]),
    ...(events.length === world.results.length ? [] : ['a line of the results is no result event']),
  ];
}

function paidTwice({ bank }: World): string[] {
  const sessions = new Map<string, Set<string>>();
  for (const { recordId, sessionId } of bank.payments) sessions.set(recordId, (sessions.get(recordId) ?? new Set()).add(sessionId));
  return [...sessions]
    .filter(([, ids]) => ids.size > 1)
    .map(([recordId, ids]) => `${recordId} was paid ${ids.size} times: ${[...ids].join(', ')}`);
}

/** A key belongs to one record and attempt, and to one content of what the bank took; an attempt has one key. */
function keysOfAttempts({ bank }: World): string[] {
  const keyOf = new Map<string, string>();
  return [...bank.keysSeen].flatMap(([key, uses]) => {
    const attempts = new Set([...uses].map((use) => use.split(' ')[0]));
    const taken = [...uses].filter((use) => !use.endsWith(' '));
    const found = attempts.size === 1 && taken.length <= 1 ? [] : [`key ${key} was used for several: ${[...uses].join(' | ')}`];
    for (const use of uses) {
      const attempt = use.split(' ')[0] ?? '';
      if ((keyOf.get(attempt) ?? key) !== key) found.push(`${attempt} was sent under two keys`);
      keyOf.set(attempt, key);
    }
    return found;
  });
}

/** A final status is what is true at the bank, and stays true. */
function endsOf({ bank, persons }: World, record: LedgerRecord): string[] {
  const { recordId, status, amountMinor, resolvedBy } = record;
  if (resolvedBy !== null && persons.mistaken.has(recordId)) return [];
  const payments = bank.payments.filter((payment) => payment.recordId === recordId);
  const paid = payments.some(({ amount }) => BigInt(amount) === amountMinor);
  if (status === 'succeeded' && !paid) return [`${recordId} is succeeded, and the bank did not pay it`];
  if (!isFinal[status] || status === 'succeeded') return [];
  const found = payments.length > 0 ? [`${recordId} is ${status}, and the bank paid it`] : [];
  const isRunning = [...bank.sessions.values()].some(
    (session) =>
      session.recordId === recordId && session.entries.some((entry) => entry.status === 'in_progress' || entry.status === 'pending'),
  );
  return isRunning ? [...found, `${recordId} is ${status}, and a session of it is still running`] : found;
}

/** What is open and would move when a process runs once more. */
export const stillMoving = (world: World): string[] => [...world.store.records.values()].flatMap(({ record }) => openOf(world, record));

/** After the faults have ended, what is open has nothing left that would move it, and says why. */
function openOf(world: World, record: LedgerRecord): string[] {
  const { bank } = world;
  const { recordId, status, reason, sessionId } = record;
  if (isFinal[status]) return [];
  if (status === 'queued' && isExplainedWait(world, record)) return [];
  if (status === 'queued' || status === 'submitting') return [`${recordId} is ${status} at the end`];
  if (reason === null && status === 'unknown') return [`${recordId} is unknown without a reason`];
  const session = sessionId === null ? undefined : bank.sessions.get(sessionId);
  const isPlain =
    session !== undefined &&
    session.recordId === recordId &&
    !session.hidesMetadata &&
    !session.hidesAmount &&
    session.entries.every((entry) => BigInt(entry.amount) === record.amountMinor) &&
    session.entries.every((entry) => entry.status === 'succeeded' || entry.status === 'failed') &&
    session.status !== 'error';
  return isPlain ? [`${recordId} is ${status}, although its session ${sessionId} has ended plainly`] : [];
}

/** The trail proves itself and every head that a result published. */
function trailOf({ store, audit }: World, record: LedgerRecord, events: readonly ResultEvent[]): string[] {
  const { recordId } = record;
  const published = events.flatMap(({ record_id: id, audit_number: number, audit_head: hash }) =>
    id === recordId && number !== undefined && hash !== undefined ? [{ number, hash }] : [],
  );
  const verified = audit.verify(recordId, { entries: trail(store, recordId), head: record.audit, published });
  return verified.type === 'whole' ? [] : [`entry ${verified.number} of the audit trail of ${recordId} ${verified.problem}`];
}

/** The way of a request that had left before. */
const travelMs = 100;

/** What a person resolved or cancelled is not sent afterwards. */
function endedByPersons({ store, bank, persons }: World): string[] {
  return [...persons.endedAt].flatMap(([recordId, endedAt]) => {
    const record = store.records.get(recordId)?.record;
    const isStillEnded = record !== undefined && (record.resolvedBy !== null || record.reason?.code === 'cancelled_by_operator');
    const late = bank.arrivals.filter((arrival) => arrival.recordId === recordId && arrival.at > endedAt + travelMs);
    return isStillEnded && late.length > 0 ? [`${recordId} was sent ${late.length} times after a person had ended it`] : [];
  });
}

function books({ store }: World): string[] {
  const found: string[] = [];
  for (const [batchId, batch] of store.batches) {
    if (!isDeepStrictEqual(counts(tallies(store, batchId)), counts(recount(store, batchId))))
      found.push(`batch ${batchId.slice(0, 8)} is counted again to other tallies`);
    const rows: TallyRow[] = [...batch.tallies.values()];
    if (!isBalanced(rows)) found.push(`batch ${batchId.slice(0, 8)} does not balance`);
    for (const status of ['queued', 'submitting', 'in_progress', 'unknown', 'succeeded', 'failed', 'cancelled'] as const) {
      const told = rows.filter((row) => row.status === status).reduce((sum, row) => sum + row.count, 0);
      const counted = [...batch.records.values()].filter(({ record }) => record.status === status).length;
      if (told !== counted && status !== 'cancelled') found.push(`batch ${batchId.slice(0, 8)} says ${told} ${status}, and has ${counted}`);
    }
  }
  return found;
}

const counts = (rows: readonly TallyRow[]): ReadonlyMap<string, string> =>
  new Map(rows.map(({ status, currency, count, amountMinor }) => [`${status} ${currency}`, `${count} ${amountMinor}`]));

/** Every attempt of an occurrence that ended has one final event; sequences rise; the last event says what the ledger says. */
function published({ store }: World, events: readonly ResultEvent[]): string[] {
  const found: string[] = [];
  const ids = new Set<string>();
  const finals = new Map<string, number>();
  const sequences = new Map<string, number>();
  /** By record and occurrence: a rejected row under the id of another record says nothing of that one. */
  const newest = new Map<string, ResultEvent>();
  for (const event of events) {
    if (ids.has(event.event_id)) found.push(`event ${event.event_id} was published twice`);
    ids.add(event.event_id);
    const place = `${event.batch_id}:${JSON.stringify(event.source)}`;
    const ended = `${place} attempt ${event.attempt ?? 0}`;
    if (event.final) finals.set(ended, (finals.get(ended) ?? 0) + 1);
    if (event.record_id === undefined || event.status === 'duplicate' || event.status === 'conflict') continue;
    if ((sequences.get(event.record_id) ?? 0) >= event.sequence) found.push(`the sequence of ${event.record_id} does not rise`);
    sequences.set(event.record_id, event.sequence);
    newest.set(`${event.record_id} ${place}`, event);
  }
  for (const [place, count] of finals) if (count > 1) found.push(`${place} has ${count} final events`);
  for (const { record } of store.records.values()) {
    const event = newest.get(`${record.recordId} ${record.batchId}:${JSON.stringify(record.occurrence.source)}`);
    if (isFinal[record.status] && event?.status !== record.status)
      found.push(`${record.recordId} is ${record.status}, and its newest event says ${event?.status ?? 'nothing'}`);
    if (record.status === 'unknown' && event?.error?.code !== record.reason?.code)
      found.push(`${record.recordId} is unknown for ${record.reason?.code}, and its newest event says ${event?.error?.code ?? 'nothing'}`);
  }
  if (store.outbox.size > 0) found.push(`${store.outbox.size} events were never published`);
  return found;
}
