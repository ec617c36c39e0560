/** What happened to one record, and what moves it next. */
import { publishedHash, readAuditEntry, type AuditEntry } from '../../batches/audit/audit-entry.ts';
import type { PublishedHead, Trail, TrailVerification } from '../../batches/audit/hash-chain.ts';
import { maskQuoted } from '../../batches/instruction/masks.ts';
import { recordView, type RecordView, type TimedRecord } from '../../batches/record/record-view.ts';
import { systemClock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import { CommandError, exitCodes, type ExitCode } from '../exit.ts';
import { openLedgerReader, readEvents } from '../profiles/open-profile.ts';
import type { LedgerReader } from '../profiles/profile.ts';
import { brokenText, explanationText, verifiedText, type ExplainedEntry, type Explanation } from '../terminal/explanation-text.ts';
import { paintFor, printable } from '../terminal/format.ts';
import { columnsOf, wrapText } from '../terminal/width.ts';

interface ExplainOptions {
  readonly verify: boolean;
  readonly json: boolean;
}

const warn = (message: string): void => void process.stderr.write(`${wrapText(`disburse: ${message}`, columnsOf(process.stderr))}\n`);

/** Prints the record, its audit trail and its next step. Exit 2 for a record that the ledger does not have, and for a changed trail. */
export async function explain(config: Config, recordId: string, { verify, json }: ExplainOptions): Promise<ExitCode> {
  const reader = await openLedgerReader(config, warn);
  try {
    const chain = verify ? await reader.auditChain() : undefined;
    // Read before the ledger: what a result shows is in the ledger by then.
    const published = verify ? await publishedHeads(config, recordId) : [];
    const found = await readConsistently(reader.ledger, recordId);
    if (found === undefined) throw unknownRecord(recordId, published);
    const { timed, entries } = found;
    const trail: Trail = { entries, head: timed.record.audit, published };
    const isEmpty = entries.length === 0 && trail.head === null && published.length === 0;
    const verification = isEmpty ? undefined : chain?.verify(recordId, trail);
    const view = recordView(timed, systemClock.now(), await reader.ledger.pauses());
    const explanation = explanationOf(view, trail, verification);
    const paint = paintFor(process.stdout, process.env);
    process.stdout.write(`${json ? JSON.stringify(explanation) : explanationText(explanation, paint, process.stdout.columns)}\n`);
    if (verify && verification === undefined) warn(`${printable(recordId)} has no audit trail to verify: an older version wrote it.`);
    if (verification?.type === 'broken') warn(brokenText(recordId, verification));
    else if (verification !== undefined && !json) process.stdout.write(`${verifiedText(verification, published)}\n`);
    return verification?.type === 'broken' ? exitCodes.needsAttention : exitCodes.ok;
  } finally {
    await reader.close();
  }
}

function unknownRecord(recordId: string, published: readonly PublishedHead[]): CommandError {
  const name = printable(maskQuoted(recordId));
  const why =
    published.length === 0
      ? `no record ${name} in this ledger. disburse records lists what is open; is DATA_DIR right (or REDIS_URL and REDIS_PREFIX)?`
      : `no record ${name} in this ledger, although ${published.length} of its results were published: the ledger has lost it.`;
  return new CommandError(exitCodes.needsAttention, why);
}

async function publishedHeads(config: Config, recordId: string): Promise<readonly PublishedHead[]> {
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

function explanationOf(record: RecordView, { entries, head }: Trail, verification: TrailVerification | undefined): Explanation {
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
