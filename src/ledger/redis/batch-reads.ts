/** Reads batches: pinned values from the shard of the batch id, counts from the shards of the records. */
import type { Batch, BatchPhase, BatchState, Policy } from '../../../batches/record/batch.ts';
import type { EnqueueProgress, SharedLedger } from '../../../batches/ports/ledger.ts';
import type { TallyRow } from '../../../batches/record/tally.ts';
import { countedOf } from '../codes.ts';
import type { ScriptClient } from './script-client.ts';
import type { KeyNames } from './key-names.ts';

/** By status and currency. */
type Totals = Map<string, { -readonly [Member in keyof TallyRow]: TallyRow[Member] }>;

export interface BatchReads extends Pick<SharedLedger, 'batch' | 'batches' | 'tallies' | 'enqueueProgress' | 'unfinishedFiles'> {
  exists(batchId: string): Promise<boolean>;
  /** Ids of all batches, the oldest first. */
  ids(): Promise<readonly string[]>;
}

/** Batches asked for at once, each in every shard. */
const atOnce = 64;

type Fields = Readonly<Record<string, string>>;

export function createBatchReads(calls: ScriptClient, names: KeyNames): BatchReads {
  const pinsOf = async (batchId: string): Promise<Fields> =>
    (await calls.read(names.shardOf(batchId), 'hgetall', names.batch(batchId))) as Fields;

  const find = async (batchId: string): Promise<Batch | undefined> => {
    const [pins, sends] = await Promise.all([
      pinsOf(batchId),
      Promise.all(names.shards.map((shard) => calls.read(shard, 'hmget', names.tally(shard, batchId), 'sent', 'first', 'newest'))),
    ]);
    return pins['file'] === undefined ? undefined : toBatch(batchId, pins, sends as (string | null)[][]);
  };

  /** Oldest first; the last so many of each shard are enough for the newest of all. */
  const ids = async (newest?: number): Promise<readonly string[]> => {
    const from = newest === undefined ? '0' : String(-newest);
    const lists = (await Promise.all(
      names.shards.map((shard) => calls.read(shard, 'zrange', names.batches(shard), from, '-1', 'WITHSCORES')),
    )) as string[][];
    const made = lists.flatMap((list) =>
      Array.from({ length: list.length / 2 }, (_, index) => ({ batchId: list[2 * index] ?? '', number: Number(list[2 * index + 1]) })),
    );
    return made.sort((a, b) => a.number - b.number).map(({ batchId }) => batchId);
  };

  const talliesOf = async (batchId: string, totals: Totals): Promise<void> => {
    const found = await Promise.all(names.shards.map((shard) => calls.read(shard, 'hgetall', names.tally(shard, batchId))));
    for (const answer of found) addTotals(totals, answer as Fields);
  };

  return {
    ids: () => ids(),
    exists: async (batchId) => (await calls.read(names.shardOf(batchId), 'exists', names.batch(batchId))) === 1,
    batch: find,
    async batches(params) {
      const all: Batch[] = [];
      const known = params === undefined ? await ids() : (await ids(params.newest)).toReversed().slice(0, params.newest);
      for (let index = 0; index < known.length; index += atOnce) {
        const found = await Promise.all(known.slice(index, index + atOnce).map(find));
        all.push(...found.filter((batch) => batch !== undefined));
      }
      return all;
    },
    async unfinishedFiles() {
      const lists = await Promise.all(names.shards.map((shard) => calls.read(shard, 'zrange', names.unfinished(shard), '0', '-1')));
      return (lists as string[][]).flat();
    },
    async tallies(batchId) {
      const totals: Totals = new Map();
      const asked = batchId === undefined ? await ids() : [batchId];
      for (let index = 0; index < asked.length; index += atOnce) {
        await Promise.all(asked.slice(index, index + atOnce).map((one) => talliesOf(one, totals)));
      }
      return [...totals.values()].filter(({ count, amountMinor }) => count !== 0 || amountMinor !== 0n);
    },
    async enqueueProgress(batchId) {
      const { line = '0', rows = '' } = await pinsOf(batchId);
      return { line: Number(line), rows: rows === '' ? null : Number(rows) } satisfies EnqueueProgress;
    },
  };
}

const toBatch = (batchId: string, pins: Fields, sends: readonly (readonly (string | null)[])[]): Batch => {
  const times = (index: 1 | 2): number[] =>
    sends
      .map((one) => one[index] ?? null)
      .filter((time) => time !== null)
      .map(Number);
  const [first, newest] = [times(1), times(2)];
  return {
    batchId,
    file: pins['file'] ?? '',
    policy: pins['policy'] as Policy,
    encoding: pins['encoding'] ?? '',
    delimiter: pins['delimiter'] ?? '',
    bytes: Number(pins['bytes']),
    blockDigests: JSON.parse(pins['block_digests'] ?? '[]') as string[],
    state: pins['state'] as BatchState,
    phase: pins['phase'] as BatchPhase,
    startedAt: Number(pins['started_at']),
    finishedAt: (pins['finished_at'] ?? '') === '' ? null : Number(pins['finished_at']),
    sent: sends.reduce((sum, [sent]) => sum + Number(sent ?? 0), 0),
    firstSentAt: first.length === 0 ? null : Math.min(...first),
    lastSentAt: newest.length === 0 ? null : Math.max(...newest),
  };
};

/** The tallies of a batch in one shard. */
export function talliesIn(fields: Fields): readonly TallyRow[] {
  const totals: Totals = new Map();
  addTotals(totals, fields);
  return [...totals.values()];
}

/** Fields are `n<code>:<currency>` for counts and `a<code>:<currency>` for amounts. */
function addTotals(totals: Totals, fields: Fields): void {
  for (const [field, value] of Object.entries(fields)) {
    const match = /^([na])(\d+):(.*)$/.exec(field);
    if (match === null) continue;
    const [, what, code, currency = ''] = match;
    const name = `${code}:${currency}`;
    let row = totals.get(name);
    if (row === undefined) totals.set(name, (row = { status: countedOf(Number(code)), currency, count: 0, amountMinor: 0n }));
    if (what === 'n') row.count += Number(value);
    else row.amountMinor += BigInt(value);
  }
}
