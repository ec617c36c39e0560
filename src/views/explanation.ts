/** A record with its audit trail, as an object. */
import { publishedHash, readAuditEntry, type AuditEntry } from '../../batches/audit/audit-entry.ts';
import type { PublishedHead, Trail, TrailVerification } from '../../batches/audit/hash-chain.ts';
import type { RecordView, TimedRecord } from '../../batches/record/record-view.ts';
import type { Config } from '../config/config.ts';
import { readEvents } from '../profiles/open-profile.ts';
import type { LedgerReader } from '../profiles/profile.ts';
import type { ExplainedEntry, Explanation } from '../terminal/explanation-text.ts';

/** What results of the record published of its audit trail; reads all results. */
export async function publishedHeads(config: Config, recordId: string, warn: (message: string) => void): Promise<readonly PublishedHead[]> {
  const heads: PublishedHead[] = [];
  const never = new AbortController().signal;
  const reading = { follow: false, from: 'beginning', signal: never, onWarning: warn, onSkipped: warn, withRotated: true } as const;
  for await (const { record_id: id, audit_number: number, audit_head: hash } of readEvents(config, reading))
    if (id === recordId && number !== undefined && hash !== undefined) heads.push({ number, hash });
  return heads;
}

/** A process that pays may write between two reads. */
const mostReads = 20;

/** The record and the trail that it ends with; undefined when there is no such record. */
export async function readConsistently(
  ledger: Pick<LedgerReader['ledger'], 'find' | 'trail'>,
  recordId: string,
): Promise<{ readonly timed: TimedRecord; readonly entries: readonly AuditEntry[] } | undefined> {
  for (let read = 1; ; read += 1) {
    const timed = await ledger.find(recordId);
    const entries = timed === undefined ? [] : await ledger.trail(recordId);
    const after = await ledger.find(recordId);
    const isSame = timed?.record.version === after?.record.version && timed?.record.audit?.number === after?.record.audit?.number;
    if (isSame || read >= mostReads) return timed === undefined ? undefined : { timed, entries };
  }
}

export function explanationOf(record: RecordView, { entries, head }: Trail, verification: TrailVerification | undefined): Explanation {
  return {
    record,
    trail: entries.map(explainedEntry),
    head: head === null ? null : publishedHash(head),
    ...(verification === undefined ? {} : { verified: verification.type === 'whole' }),
    ...(verification?.type === 'whole' ? { verified_from: verification.from } : {}),
    ...(verification?.type === 'broken' ? { broken: { number: verification.number, problem: verification.problem } } : {}),
  };
}

/** A text that is no entry, or has no time that exists, is shown without what cannot be read. */
function explainedEntry({ number, text, hash }: AuditEntry): ExplainedEntry {
  const read = readAuditEntry(text);
  if (read === undefined) return { number, event: 'unreadable', detail: {}, hash };
  const at = new Date(read.at);
  return {
    number,
    ...(Number.isNaN(at.getTime()) ? {} : { at: at.toISOString() }),
    event: read.event,
    ...(read.by === undefined ? {} : { by: read.by }),
    detail: read.detail,
    hash,
  };
}
