/** Events that this instance decided or took over, and that are not surely published yet. */
import type { OutboxEntry } from '../../../batches/ports/result-sink.ts';
import type { SharedLedger } from '../../../batches/ports/ledger.ts';
import type { ResultEvent } from '../../../batches/record/result-event.ts';
import type { ScriptClient, Reply } from './script-client.ts';
import type { KeyNames } from './key-names.ts';
import { createOwnEntries, type OwnEntries } from './own-entries.ts';
import { scripts } from './scripts.ts';

export interface Outbox extends Pick<SharedLedger, 'outbox' | 'published' | 'takeOverOutbox'> {
  /** Of an event that is to be told, or of none. */
  argumentsOf(event: ResultEvent | undefined): EventArguments;
  /** A script has written, and the event with it; its reply holds the event's number. */
  decided(shard: number, reply: Reply, event: EventArguments): void;
  /** Finds what this instance wrote into the shard when the reply was lost. */
  recover(shard: number): Promise<void>;
}

/** Owner, event id and event, as scripts take them; '' for none. */
export type EventArguments = readonly [owner: string, eventId: string, json: string];

interface OutboxDeps {
  readonly calls: ScriptClient;
  readonly names: KeyNames;
  /** This instance's id. */
  readonly owner: string;
  readonly generation: string;
}

/** As much as `unpack` of Redis' Lua surely takes. */
const removalLimit = 1_000;
const scanCount = 500;

/** The mark belongs to this ledger, also where a result of a former ledger is published again. */
const unmarked = ({ ledger_mark: _former, ...event }: ResultEvent): ResultEvent => event;

const entryOf = (number: string, event: string): OutboxEntry => {
  const lineBreak = event.indexOf('\n');
  return { number: Number(number), eventId: event.slice(0, lineBreak), json: event.slice(lineBreak + 1) };
};

export function createOutbox(deps: OutboxDeps): Outbox {
  const { owner, generation } = deps;
  const own = createOwnEntries();
  return {
    argumentsOf: (event) => (event === undefined ? [owner, '', ''] : [owner, event.event_id, JSON.stringify(unmarked(event))]),
    decided(shard, { counter, values }, [, eventId, json]) {
      const mark = JSON.stringify(`${generation}.${shard}.${counter}`);
      own.add({ number: Number(values[0]), eventId, json: `${json.slice(0, -1)},"ledger_mark":${mark}}` });
    },
    recover: (shard) => recover(deps, own, shard),
    outbox: async ({ limit, after = -1 }) => own.list(limit, after),
    async published({ numbers }) {
      await removePublished(deps, numbers);
      own.remove(numbers);
    },
    takeOverOutbox: (params) => takeOver(deps, own, params),
  };
}

async function recover({ calls, names, owner }: OutboxDeps, own: OwnEntries, shard: number): Promise<void> {
  let cursor = '0';
  do {
    const reply = await calls.read(shard, 'hscan', names.outboxEvents(shard), cursor, 'COUNT', String(scanCount));
    const [next, found] = reply as [string, string[]];
    cursor = next;
    for (let index = 0; index < found.length; index += 2) {
      const value = found[index + 1] ?? '';
      if (value.startsWith(`${owner}\n`)) own.add(entryOf(found[index] ?? '', value.slice(owner.length + 1)));
    }
  } while (cursor !== '0');
}

async function removePublished({ calls, names }: OutboxDeps, numbers: readonly number[]): Promise<void> {
  const byShard = new Map<number, string[]>();
  for (const number of numbers) {
    const shard = names.shardOfNumber(number);
    const list = byShard.get(shard);
    if (list === undefined) byShard.set(shard, [String(number)]);
    else list.push(String(number));
  }
  const removals = [...byShard].flatMap(([shard, list]) =>
    Array.from({ length: Math.ceil(list.length / removalLimit) }, (_, index) =>
      calls.run(
        shard,
        scripts.published,
        [names.outboxTimes(shard), names.outboxEvents(shard)],
        list.slice(index * removalLimit, (index + 1) * removalLimit),
      ),
    ),
  );
  await Promise.all(removals);
}

/** Asks all shards for an equal share, then those again that had more than that. */
async function takeOver(deps: OutboxDeps, own: OwnEntries, params: { olderThanMs: number; limit: number }): Promise<number> {
  const { calls, names, owner } = deps;
  const { olderThanMs, limit } = params;
  let taken = 0;
  let asked: readonly number[] = names.shards;
  while (taken < limit && asked.length > 0) {
    const each = Math.max(1, Math.min(removalLimit, Math.floor((limit - taken) / asked.length)));
    const found = await Promise.all(
      asked.slice(0, limit - taken).map(async (shard) => {
        const keys = [names.outboxTimes(shard), names.outboxEvents(shard)];
        const { values } = await calls.run(shard, scripts.takeOverOutbox, keys, [owner, String(olderThanMs), String(each)]);
        return { shard, values };
      }),
    );
    const more: number[] = [];
    for (const { shard, values } of found) {
      const before = taken;
      for (let index = 0; index < values.length; index += 2) {
        if (own.add(entryOf(values[index] ?? '', values[index + 1] ?? ''))) taken += 1;
      }
      if (values.length / 2 === each && taken > before) more.push(shard);
    }
    asked = [...more, ...asked.slice(found.length)];
  }
  return taken;
}
