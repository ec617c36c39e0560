/** What of a batch needs a person's attention, as text: why a run ends with exit code 2. */
import type { ResultEvent } from '../../batches/record/result-event.ts';
import { reasonToTell } from '../../batches/record/step.ts';
import type { ResendSettings } from '../../batches/record/resend-rules.ts';
import type { Summary } from '../../batches/record/summary.ts';
import { batchEvents } from '../files/batch-results.ts';
import { sourceText } from '../terminal/event-line.ts';
import { counted } from '../terminal/format.ts';
import { notBalanced } from '../terminal/summary-text.ts';
import { namedRowsText, type NamedRow, type NamedStatus } from '../terminal/named-rows.ts';
import type { Profile } from './profile.ts';

export interface Attention {
  readonly profile: Pick<Profile, 'ledger' | 'clock' | 'results'>;
  readonly settings: ResendSettings;
  readonly summary: Summary;
  /** False: records in progress are no reason. */
  readonly follow: boolean;
  /** Duplicates whose record has not succeeded. */
  readonly unsettledDuplicates: number;
  readonly hasFixFile: boolean;
  /** The run was stopped: what to do is reported with the reason. Conflicts and duplicates are counted and not named. */
  readonly isStopped: boolean;
}

/** How many rows of each kind are named. */
const named = 10;

/** One text for each kind, the most urgent first; empty when nothing needs attention. */
export async function attentionTexts(attention: Attention): Promise<readonly string[]> {
  const { profile, summary, unsettledDuplicates, hasFixFile, isStopped } = attention;
  const { statuses } = summary;
  const unsent = statuses.queued.count + statuses.submitting.count;
  const verdicts = await namedVerdicts(attention);
  const texts = [
    await recordsText(attention, 'unknown'),
    await recordsText(attention, 'failed'),
    verdictsText('conflict', statuses.conflict.count, verdicts.conflict),
    await recordsText(attention, 'cancelled'),
    verdictsText('duplicate', unsettledDuplicates, verdicts.duplicate),
    await recordsText(attention, 'in_progress'),
    approvalText(summary),
    unsent === 0 || summary.state === 'awaiting_approval'
      ? null
      : summary.not_before !== undefined && Date.parse(summary.not_before) > profile.clock.now()
        ? `${counted(unsent, 'record is', 'records are')} not sent before ${summary.not_before}. The process that pays then sends them.`
        : `${counted(unsent, 'record is', 'records are')} not sent yet.${isStopped ? '' : ' Run the same command again to send them.'}`,
    statuses.rejected.count === 0 || hasFixFile
      ? null
      : `${counted(statuses.rejected.count, 'row is', 'rows are')} rejected and not sent. To see why, ${everyRow}.`,
    summary.balanced ? null : notBalanced,
  ];
  return texts.filter((text) => text !== null);
}

/** What the second person needs. */
function approvalText({ state, approval, batch_id: id }: Summary): string | null {
  if (state !== 'awaiting_approval' || approval === undefined) return null;
  const totals = Object.entries(approval.totals).map(([currency, { count, amount }]) => `${currency}=${amount}/${count}`);
  const who = approval.submitted_by === undefined ? 'Another person' : `A person other than ${approval.submitted_by}, who submitted it,`;
  return `The file waits for approval, and nothing of it is sent before. ${who} may approve it: disburse approve ${id.slice(0, 12)} --expect ${totals.join(',')} --reason TEXT, or refuse it: disburse refuse ${id.slice(0, 12)} --reason TEXT.`;
}

const everyRow = 'run the same command with --results FILE';

async function recordsText({ profile, settings, summary }: Attention, status: Exclude<NamedStatus, 'conflict' | 'duplicate'>) {
  const { count } = summary.statuses[status];
  if (count === 0) return null;
  const batchId = summary.batch_id;
  const found = await profile.ledger.list({ batchId, status, limit: named });
  const shown = found.map(({ record }): NamedRow => {
    const { recordId, amountMinor, currency, occurrence } = record;
    return { line: occurrence.position, recordId, amountMinor, currency, reason: reasonToTell(settings, record, profile.clock.now()) };
  });
  return namedRowsText({ status, count, shown, listAll: `disburse records --batch ${batchId.slice(0, 12)} --status ${status}` });
}

type VerdictStatus = 'conflict' | 'duplicate';
type Verdicts = Readonly<Record<VerdictStatus, readonly NamedRow[]>>;

const verdictsText = (status: VerdictStatus, count: number, shown: readonly NamedRow[]): string | null =>
  count === 0 ? null : namedRowsText({ status, count, shown, listAll: everyRow });

/** What another instance decided is published soon after. */
const passes = 3;
const betweenPassesMs = 500;

/** Conflicts and unsettled duplicates are no records of their own: their results name them. */
async function namedVerdicts(attention: Attention): Promise<Verdicts> {
  const { profile, summary, unsettledDuplicates, isStopped } = attention;
  if (isStopped) return { conflict: [], duplicate: [] };
  const wanted = { conflict: Math.min(named, summary.statuses.conflict.count), duplicate: Math.min(named, unsettledDuplicates) };
  for (let pass = 1; ; pass += 1) {
    const found = await readVerdicts(attention, wanted);
    const isComplete = found.conflict.length >= wanted.conflict && found.duplicate.length >= wanted.duplicate;
    if (isComplete || pass >= passes) return found;
    await profile.clock.sleep(betweenPassesMs);
  }
}

async function readVerdicts(attention: Attention, wanted: Readonly<Record<VerdictStatus, number>>): Promise<Verdicts> {
  const { profile, summary } = attention;
  const found = { conflict: new Map<number, NamedRow>(), duplicate: new Map<number, NamedRow>() };
  const isComplete = (): boolean => found.conflict.size >= wanted.conflict && found.duplicate.size >= wanted.duplicate;
  if (!isComplete()) {
    for await (const event of batchEvents({ ...profile, batchId: summary.batch_id })) {
      const { status } = event;
      if ((status !== 'conflict' && status !== 'duplicate') || found[status].size >= wanted[status]) continue;
      const row = status === 'conflict' ? conflictRow(event) : await duplicateRow(attention, event);
      if (row !== null) found[status].set(row.line, row);
      if (isComplete()) break;
    }
  }
  const inOrder = (rows: ReadonlyMap<number, NamedRow>): NamedRow[] => [...rows.values()].sort((one, other) => one.line - other.line);
  return { conflict: inOrder(found.conflict), duplicate: inOrder(found.duplicate) };
}

function rowOf(event: ResultEvent, reason: NamedRow['reason']): NamedRow | null {
  const { source, record_id: recordId, amount_details: details } = event;
  if (!('line' in source) || recordId === undefined || details === undefined) return null;
  return { line: source.line, recordId, amountMinor: BigInt(details.amount), currency: details.currency, reason };
}

function conflictRow(event: ResultEvent): NamedRow | null {
  const { fields = [], earlier, error } = event;
  const from = earlier === undefined ? 'the first one' : `${sourceText(earlier.source)} (then ${earlier.status})`;
  const differs = fields.length === 0 ? 'its content' : fields.join(', ');
  return rowOf(event, { code: error?.code ?? event.status, description: `differs in ${differs} from ${from}` });
}

/** Null where the record has succeeded since, or needs no attention. */
async function duplicateRow({ profile, follow }: Attention, event: ResultEvent): Promise<NamedRow | null> {
  const record = event.record_id === undefined ? undefined : await profile.ledger.record(event.record_id);
  if (record === undefined || record.status === 'succeeded' || (!follow && record.status === 'in_progress')) return null;
  const first = sourceText(event.earlier?.source ?? record.occurrence.source);
  return rowOf(event, { code: record.status, description: `first at ${first} (now ${record.status})` });
}
