/**
 * What is paused. A pause is decided in one shard and copied to all others, because the script that writes an intent can
 * look at its own shard only. The number of each decision rises, so that a copy that arrives late undoes no later one.
 */
import type { SharedLedger } from '../../../batches/ports/ledger.ts';
import type { SetPause } from '../../../batches/record/pause.ts';
import type { LedgerContext } from './context.ts';
import type { KeyNames } from './key-names.ts';
import type { Reply } from './script-client.ts';
import { scripts } from './scripts.ts';

type Pauses = Pick<SharedLedger, 'pauses' | 'setPause'>;

/** The name of the pause of everything. */
const everything = '';

export const createPauses = (context: Pick<LedgerContext, 'calls' | 'names' | 'nextToken'>): Pauses => ({
  pauses: () => readPauses(context),
  setPause: (params) => setPause(context, params),
});

/** Where a shard notes the number of the last decision. */
const notesOf = (names: KeyNames, shard: number, name: string): string =>
  name === everything ? names.meta(shard) : names.tally(shard, name);

/** @throws RangeError for a text that is no pause */
export const readPause = (text: string): SetPause => {
  const pause = JSON.parse(text) as Partial<SetPause>;
  if (pause.code === undefined || pause.by === undefined) throw new RangeError('the ledger holds a pause that cannot be read');
  return pause as SetPause;
};

/** One that only some shards have is set: a process died while it set or ended it. */
export async function readPauses({ calls, names }: Pick<LedgerContext, 'calls' | 'names'>): Promise<readonly SetPause[]> {
  const lists = await Promise.all(names.shards.map((shard) => calls.read(shard, 'hgetall', names.pauses(shard))));
  const found = new Map<string, string>();
  for (const [shard, list] of lists.entries())
    for (const [name, text] of Object.entries(list as Readonly<Record<string, string>>))
      if (!found.has(name) || shard === shardOfPause(names, name)) found.set(name, text);
  return [...found.values()].map(readPause).sort((one, other) => one.at - other.at);
}

const shardOfPause = (names: KeyNames, name: string): number => (name === everything ? 0 : names.shardOf(name));

/** Decided first, then copied to every shard, also when it was decided before: an earlier call may have died in between. */
async function setPause(
  context: Pick<LedgerContext, 'calls' | 'names' | 'nextToken'>,
  { batchId, pause }: Parameters<Pauses['setPause']>[0],
): Promise<boolean> {
  const { calls, names } = context;
  const name = batchId ?? everything;
  const token = context.nextToken();
  const wanted = pause === null ? '' : JSON.stringify(storedPause({ ...pause, batchId }));
  const decided = await decide(context, { name, token, wanted });
  const [number = '', current = ''] = decided.values;
  const copies = await Promise.all(
    names.shards
      .filter((shard) => shard !== shardOfPause(names, name))
      .map((shard) =>
        calls.run(shard, scripts.copyPause, [names.pauses(shard), notesOf(names, shard, name)], [name, number, token, current]),
      ),
  );
  return [decided, ...copies].some(({ answer }) => answer === 'written' || answer === 'again');
}

async function decide(
  { calls, names }: Pick<LedgerContext, 'calls' | 'names'>,
  { name, token, wanted }: { readonly name: string; readonly token: string; readonly wanted: string },
): Promise<Reply> {
  const shard = shardOfPause(names, name);
  const notes = notesOf(names, shard, name);
  for (;;) {
    const [number = '0'] = String((await calls.read(shard, 'hget', notes, 'pause')) ?? '0').split(' ');
    const reply = await calls.run(shard, scripts.setPause, [names.pauses(shard), notes], [name, number, token, wanted]);
    if (reply.answer !== 'moved') return reply;
  }
}

const storedPause = ({ batchId, code, by, reason, at }: SetPause): SetPause => ({ batchId, code, by, reason, at });
