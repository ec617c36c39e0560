/** Verifies a whole ledger beside the processes that pay from it, a page of records at a time. */
import type { AuditChain } from '../../batches/audit/hash-chain.ts';
import { isFinal, statuses, type RecordStatus } from '../../batches/record/status.ts';
import type { LedgerRecord } from '../../batches/record/record.ts';
import { systemClock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import { exitCodes, type ExitCode } from '../exit.ts';
import { openLedgerReader, readEvents } from '../profiles/open-profile.ts';
import type { LedgerReader } from '../profiles/profile.ts';
import { counted, printable } from '../terminal/format.ts';
import { columnsOf, wrapText } from '../terminal/width.ts';
import { recountDifferences } from './recount.ts';
import { readConsistently } from '../views/explanation.ts';

type Ledger = LedgerReader['ledger'];

/** @property differences one sentence each; at most so many are kept, all are counted */
interface Verified {
  records: number;
  entries: number;
  /** Records of a version that kept no trail. */
  without_trail: number;
  batches: number;
  results: number;
  differences_total: number;
  readonly differences: string[];
}

const mostKept = 1_000;
const pageSize = 500;
/** A process that pays erases bodies once a minute. */
const eraseWithinMs = 10 * 60_000;

const warn = (message: string): void => void process.stderr.write(`${wrapText(`disburse: ${message}`, columnsOf(process.stderr))}\n`);

/** Every trail, every total, sessions that two records have, bodies that should be gone, and every head that results published. */
export async function verifyLedger(config: Config, json: boolean): Promise<ExitCode> {
  const reader = await openLedgerReader(config, warn);
  const found: Verified = { records: 0, entries: 0, without_trail: 0, batches: 0, results: 0, differences_total: 0, differences: [] };
  const differs = (text: string): void => {
    found.differences_total += 1;
    if (found.differences.length < mostKept) found.differences.push(text);
  };
  try {
    const { ledger } = reader;
    const chain = await reader.auditChain();
    const deps = { ledger, chain, found, differs };
    for await (const recordId of recordIds(ledger)) await verifyRecord(deps, recordId);
    for (const { batchId } of await ledger.batches()) await verifyBatch(deps, batchId);
    await verifyResults(config, deps);
  } finally {
    await reader.close();
  }
  const isWhole = found.differences_total === 0;
  process.stdout.write(json ? `${JSON.stringify({ verified: isWhole, ...found })}\n` : `${textOf(found)}\n`);
  for (const text of json ? [] : found.differences) warn(text);
  return isWhole ? exitCodes.ok : exitCodes.needsAttention;
}

interface Deps {
  readonly ledger: Ledger;
  readonly chain: AuditChain;
  readonly found: Verified;
  readonly differs: (text: string) => void;
}

const recordStatuses = statuses.filter((status): status is RecordStatus => status !== 'conflict' && status !== 'duplicate');

async function* recordIds(ledger: Ledger): AsyncGenerator<string> {
  for (let after: string | undefined; ;) {
    const page = await ledger.records({ statuses: recordStatuses, limit: pageSize, ...(after === undefined ? {} : { after }) });
    for (const { record } of page) yield record.recordId;
    if (page.length < pageSize) return;
    after = page.at(-1)?.cursor;
  }
}

async function verifyRecord({ ledger, chain, found, differs }: Deps, recordId: string): Promise<void> {
  const read = await readConsistently(ledger, recordId);
  if (read === undefined) return;
  const { timed, entries } = read;
  found.records += 1;
  found.entries += entries.length;
  const { record } = timed;
  const name = printable(recordId);
  if (entries.length === 0 && record.audit === null) found.without_trail += 1;
  else {
    const verification = chain.verify(recordId, { entries, head: record.audit, published: [] });
    if (verification.type === 'broken')
      differs(`the audit trail of ${name} was changed: entry ${verification.number} ${verification.problem}.`);
  }
  for (const sessionId of sessionsOf(record)) {
    const holder = await ledger.sessionHolder(sessionId);
    if (holder !== undefined && holder !== recordId)
      differs(`the records ${name} and ${printable(holder)} share session ${printable(sessionId)} of the gateway.`);
  }
  if (isFinal[record.status] && (await ledger.keepsBodyTooLong(recordId, systemClock.now() - eraseWithinMs)))
    differs(`the sealed body of ${name} is still stored, although it should be erased.`);
}

const sessionsOf = ({ sessionId, confirmSession }: LedgerRecord): readonly string[] =>
  [...new Set([sessionId, confirmSession])].filter((session) => session !== null);

async function verifyBatch({ ledger, found, differs }: Deps, batchId: string): Promise<void> {
  found.batches += 1;
  const differences = await recountDifferences(ledger, batchId);
  if (differences === null) warn(`the totals of batch ${printable(batchId)} changed during every count, and are not verified.`);
  for (const text of differences ?? []) differs(`batch ${printable(batchId)}: ${text}.`);
}

/** What a result shows is in the ledger when it is published, and stays there until its details are purged. */
async function verifyResults(config: Config, { ledger, found, differs }: Deps): Promise<void> {
  const never = new AbortController().signal;
  const reading = { follow: false, from: 'beginning', signal: never, onWarning: warn, onSkipped: warn, withRotated: true } as const;
  for await (const { record_id: recordId, audit_number: number, audit_head: head } of readEvents(config, reading)) {
    if (recordId === undefined || number === undefined || head === undefined) continue;
    found.results += 1;
    const entries = await ledger.trail(recordId);
    const first = entries[0]?.number ?? 0;
    const entry = entries.find((one) => one.number === number);
    if (entries.length > 0 && number < first) continue;
    const says = entry === undefined ? 'is missing' : entry.hash === head ? null : 'differs';
    if (says !== null) differs(`entry ${number} of the audit trail of ${printable(recordId)} ${says}: a result event published it.`);
  }
}

function textOf({ records, entries, without_trail: without, batches, results, differences_total: total }: Verified): string {
  const trails = `${counted(records, 'record', 'records')} with ${counted(entries, 'entry', 'entries')}`;
  const old = without === 0 ? '' : ` (${counted(without, 'record has', 'records have')} no trail: an older version wrote them)`;
  const rest = `${counted(batches, 'batch', 'batches')} counted again, ${counted(results, 'published result', 'published results')} compared`;
  const end =
    total === 0
      ? 'Everything is as it was written.'
      : `${counted(total, 'difference', 'differences')}. Do not pay from this ledger until they are explained.`;
  return `${trails}${old}, ${rest}. ${end}`;
}
