/** What is so now in the whole ledger, read from the batches that have open records. */
import type { LedgerOverview } from '../../../batches/ports/ledger.ts';
import { openStatuses, type OpenStatus } from '../../../batches/record/status.ts';
import { isBalanced, isOpenTally, sumTallies, type TallyRow } from '../../../batches/record/tally.ts';
import { createBatchReads, talliesIn } from './batch-reads.ts';
import type { LedgerContext } from './context.ts';
import { timeOfNumber } from './key-names.ts';

type Deps = Pick<LedgerContext, 'calls' | 'names'>;

/** A batch in one shard. */
interface Part {
  readonly shard: number;
  readonly batchId: string;
}

/** Parts asked for at once. */
const atOnce = 256;

export async function overview(deps: Deps): Promise<LedgerOverview> {
  const { calls, names } = deps;
  const [parts, unpublished, deadLetters] = await Promise.all([
    activeParts(deps),
    Promise.all(names.shards.map((shard) => calls.read(shard, 'zcard', names.outboxTimes(shard)))),
    Promise.all(names.shards.map((shard) => calls.read(shard, 'hget', names.meta(shard), 'dead_letters'))),
  ]);
  const sum = (counts: readonly unknown[]): number => counts.reduce<number>((total, count) => total + Number(count ?? 0), 0);
  const rows: TallyRow[] = [];
  const oldest = new Map<OpenStatus, number>();
  let areBalanced = true;
  for (let index = 0; index < parts.length; index += atOnce) {
    const found = await Promise.all(parts.slice(index, index + atOnce).map((part) => readPart(deps, part, oldest)));
    // A record never leaves its shard, so each part balances by itself.
    areBalanced &&= found.every(isBalanced);
    rows.push(...found.flat().filter(isOpenTally));
  }
  return {
    open: sumTallies(rows),
    oldestOpenAt: Object.fromEntries(openStatuses.map((status) => [status, oldest.get(status) ?? null])) as LedgerOverview['oldestOpenAt'],
    isBalanced: areBalanced,
    unpublished: sum(unpublished),
    deadLetters: sum(deadLetters),
  };
}

/** A ledger that was made before these sets were kept is read whole. */
export async function activeParts({ calls, names }: Deps): Promise<readonly Part[]> {
  const kept = await Promise.all(names.shards.map((shard) => calls.read(shard, 'hget', names.meta(shard), 'active')));
  if (!kept.every((marker) => marker === '1')) {
    const ids = await createBatchReads(calls, names).ids();
    return ids.flatMap((batchId) => names.shards.map((shard) => ({ shard, batchId })));
  }
  const members = await Promise.all(names.shards.map((shard) => calls.read(shard, 'smembers', names.active(shard))));
  return members.flatMap((tallies, shard) =>
    (tallies as readonly string[]).map((tally) => ({ shard, batchId: tally.slice(names.tally(shard, '').length) })),
  );
}

/** Its tallies; the oldest of each status is noted. */
async function readPart({ calls, names }: Deps, { shard, batchId }: Part, oldest: Map<OpenStatus, number>): Promise<readonly TallyRow[]> {
  const rows = talliesIn((await calls.read(shard, 'hgetall', names.tally(shard, batchId))) as Readonly<Record<string, string>>);
  const present = openStatuses.filter((status) => rows.some((row) => row.status === status && row.count > 0));
  await Promise.all(
    present.map(async (status) => {
      const first = await calls.read(shard, 'zrange', names.index(shard, batchId, status), '0', '0', 'WITHSCORES');
      const [, score] = first as readonly string[];
      if (score !== undefined) oldest.set(status, Math.min(oldest.get(status) ?? Infinity, timeOfNumber(Number(score))));
    }),
  );
  return rows;
}
