/** What needs a person: how many, how much money, and since when. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { byStatus, type TallyRow } from '../../batches/record/tally.ts';
import type { LedgerReader } from '../profiles/profile.ts';
import { countLimit } from '../service/operator-counts.ts';

/** @property amounts major units by currency @property link the page that shows it */
export interface Need {
  readonly what: 'unknown' | 'failed' | 'conflict' | 'alerts' | 'approvals' | 'refused_files' | 'dead_letters';
  readonly label: string;
  readonly count: number;
  readonly amounts: Readonly<Record<string, string>>;
  readonly oldest_seconds: number | null;
  readonly link: string;
}

interface NeedsParams {
  readonly ledger: Pick<LedgerReader['ledger'], 'overview' | 'alerted' | 'batches'>;
  readonly tallies: readonly TallyRow[];
  readonly now: number;
  readonly inboxDir: string | undefined;
}

/** Batches that are looked through for those that wait for an approval. */
const newestBatches = 500;

/** Only what there is, the most urgent first. */
export async function needsOf({ ledger, tallies, now, inboxDir }: NeedsParams): Promise<readonly Need[]> {
  const [overview, alerted, batches] = await Promise.all([
    ledger.overview(),
    ledger.alerted({ limit: countLimit }),
    ledger.batches({ newest: newestBatches }),
  ]);
  const totals = byStatus(tallies);
  const age = (since: number | null | undefined): number | null =>
    since === null || since === undefined ? null : Math.max(0, Math.floor((now - since) / 1000));
  const none = { amounts: {}, oldest_seconds: null };
  const waiting = batches.filter(({ state }) => state === 'awaiting_approval');
  const alertedAt = alerted.flatMap(({ record }) => record.alerts.filter(({ acknowledged }) => !acknowledged).map(({ at }) => at));
  const needs: readonly Need[] = [
    { what: 'alerts', label: 'Alerts', count: alerted.length, amounts: {}, oldest_seconds: age(oldestOf(alertedAt)), link: '/alerts' },
    {
      what: 'unknown',
      label: 'Unknown outcomes',
      ...totals.unknown,
      oldest_seconds: age(overview.oldestOpenAt.unknown),
      link: '/records?status=unknown',
    },
    { what: 'conflict', label: 'Conflicts', ...totals.conflict, oldest_seconds: null, link: '/batches' },
    { what: 'failed', label: 'Failed', ...totals.failed, oldest_seconds: null, link: '/records?status=failed' },
    {
      what: 'approvals',
      label: 'Batches that wait for approval',
      ...none,
      count: waiting.length,
      oldest_seconds: age(oldestOf(waiting.map(({ startedAt }) => startedAt))),
      link: '/approvals',
    },
    { what: 'refused_files', label: 'Refused files', ...none, count: refusedFiles(inboxDir), link: '/system#inbox' },
    { what: 'dead_letters', label: 'Dead letters', ...none, count: overview.deadLetters, link: '/dead-letters' },
  ];
  return needs.filter(({ count }) => count > 0);
}

const oldestOf = (times: readonly number[]): number | undefined => (times.length === 0 ? undefined : Math.min(...times));

/** Files of the drop folder that were refused, without the answers beside them. */
function refusedFiles(inboxDir: string | undefined): number {
  if (inboxDir === undefined) return 0;
  try {
    return readdirSync(join(inboxDir, 'refused')).filter(
      (name) => /\.(?:csv|csv\.gz|xlsx)$/i.test(name) && !/\.(?:errors|results)\.csv$/i.test(name),
    ).length;
  } catch {
    return 0;
  }
}
