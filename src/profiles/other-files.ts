/** What files other than the one of a run left behind, as text: a run sends its own file only. */
import type { Ledger } from '../../batches/ports/ledger.ts';
import { byStatus } from '../../batches/record/tally.ts';
import { grouped, printable } from '../terminal/format.ts';
import type { Profile } from './profile.ts';

export interface OtherFiles {
  readonly ledger: Pick<Ledger, 'batch' | 'tallies'>;
  readonly unfinishedFiles: Profile['unfinishedFiles'];
}

/** How many files are named. */
const named = 10;

const waysOut =
  'Queued records are sent only when their own file is run again, unchanged. If that file is not to be paid any more, submit what is still owed under new record ids and never run it again.';

/** Null when every record of every other file is final. */
export async function otherFilesText({ ledger, unfinishedFiles }: OtherFiles, batchId: string): Promise<string | null> {
  const lines: string[] = [];
  let queued = 0;
  for (const id of await unfinishedFiles()) {
    const batch = id === batchId ? undefined : await ledger.batch(id);
    if (batch === undefined) continue;
    const counts = byStatus(await ledger.tallies(id));
    const open = (['queued', 'submitting', 'in_progress', 'unknown'] as const).filter((status) => counts[status].count > 0);
    if (open.length === 0) continue;
    queued += counts.queued.count;
    const shown = open.map((status) => `${grouped(counts[status].count)} ${status}`).join(', ');
    lines.push(`  ${printable(batch.file)}, batch ${id.slice(0, 12)}: ${shown}`);
  }
  if (lines.length === 0) return null;
  const left = lines.length - named;
  return [
    'Other files have records that are not final:',
    ...lines.slice(0, named),
    ...(left > 0 ? [`  … and ${grouped(left)} more; list all: disburse records`] : []),
    ...(queued > 0 ? [waysOut] : []),
  ].join('\n');
}
