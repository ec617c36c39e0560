/** What needs a person: how many, how much money, and since when. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { formatMinor } from '../../batches/fields/money.ts';
import { byStatus, type TallyRow } from '../../batches/record/tally.ts';
import { summariesOf } from '../ledger/summary-of.ts';
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
  readonly ledger: LedgerReader['ledger'];
  readonly tallies: readonly TallyRow[];
  readonly now: number;
  readonly inboxDir: string | undefined;
}

/** Batches that are looked through for those that wait for an approval. */
const newestBatches = 500;
const openBatches = 50;

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
  const open = batches.filter(({ state }) => state !== 'finished' && state !== 'cancelled').slice(0, openBatches);
  const waiting = (await summariesOf(ledger, open, now)).filter(({ state }) => state === 'awaiting_approval');
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
      amounts: sumOf(waiting.map(({ approval }) => approval?.totals ?? {})),
      count: waiting.length,
      oldest_seconds: age(oldestOf(waiting.map(({ started_at: at }) => Date.parse(at)))),
      link: '/approvals',
    },
    { what: 'refused_files', label: 'Refused files', ...none, count: refusedFiles(inboxDir), link: '/system#inbox' },
    { what: 'dead_letters', label: 'Dead letters', ...none, count: overview.deadLetters, link: '/dead-letters' },
  ];
  return needs.filter(({ count }) => count > 0);
}

const oldestOf = (times: readonly number[]): number | undefined => (times.length === 0 ? undefined : Math.min(...times));

/** Of several files. */
function sumOf(files: readonly Readonly<Record<string, { readonly amount: string }>>[]): Readonly<Record<string, string>> {
  const sums = new Map<string, bigint>();
  for (const [currency, { amount }] of files.flatMap((totals) => Object.entries(totals)))
    sums.set(currency, (sums.get(currency) ?? 0n) + BigInt(amount.replace('.', '')));
  return Object.fromEntries([...sums].map(([currency, minor]) => [currency, formatMinor(minor, currency)]));
}

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
