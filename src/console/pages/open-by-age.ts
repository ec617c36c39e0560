/** How long open records have been open, of the oldest ones. */
import { ageMs } from '../../../batches/record/record-view.ts';
import { openStatuses } from '../../../batches/record/status.ts';
import type { LedgerReader } from '../../profiles/profile.ts';
import { countLimit } from '../../service/operator-counts.ts';
import type { Bar } from '../pieces/charts.ts';

const minute = 60_000;
const steps: readonly (readonly [name: string, below: number])[] = [
  ['< 1m', minute],
  ['1m-5m', 5 * minute],
  ['5m-30m', 30 * minute],
  ['30m-4h', 240 * minute],
  ['4h-1d', 1_440 * minute],
  ['> 1d', Infinity],
];

export async function openByAge(
  ledger: Pick<LedgerReader['ledger'], 'oldestOpen'>,
  now: number,
): Promise<{ readonly title: string; readonly bars: readonly Bar[] }> {
  const records = await ledger.oldestOpen({ statuses: openStatuses, limit: countLimit });
  const counts = new Array<number>(steps.length).fill(0);
  for (const record of records) {
    const step = steps.findIndex(([, below]) => ageMs(record, now) < below);
    counts[step] = (counts[step] ?? 0) + 1;
  }
  const title = records.length < countLimit ? 'Open by age' : `Open by age, of the oldest ${countLimit}`;
  return { title, bars: steps.map(([name], index) => ({ name, value: counts[index] ?? 0 })) };
}
