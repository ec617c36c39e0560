/** Events that this instance decided or took over, and that are not surely published yet. */
import type { OutboxEntry } from '../../../batches/ports/result-sink.ts';
import type { SharedLedger } from '../../../batches/ports/ledger.ts';
import type { ResultEvent } from '../../../batches/record/result-event.ts';
import type { ScriptClient, Reply } from './script-client.ts';
import { shardOfNumber, shards, type KeyNames } from './key-names.ts';
import { scripts } from './scripts.ts';

export interface Outbox extends Pick<SharedLedger, 'outbox' | 'published' | 'takeOverOutbox'> {
  /** Owner, event id and event, as scripts take them; '' for none. */
  argumentsOf(event: ResultEvent | undefined): [owner: string, eventId: string, json: string];
  /** A script has written, and the event with it; its reply tells under which number. */
  decided(shard: number, reply: Reply, event: ResultEvent): void;
  /** Finds what this instance wrote into the shard without learning it, because the reply was lost. */
  recover(shard: number): Promise<void>;
}

/** As much as `unpack` of Redis' Lua surely takes. */
const removalLimit = 1_000;
const scanCount = 500;

/** The mark is this ledger's own, also where a result of a former one is told again. */
const unmarked = ({ ledger_mark: _former, ...event }: ResultEvent): ResultEvent => event;

/** @param owner this instance's id */
export function createOutbox(deps: {
  readonly calls: ScriptClient;
  readonly names: KeyNames;
  readonly owner: string;
  readonly generation: string;
}): Outbox {
  const { calls, names, owner, generation } = deps;
  /** By number; in the order of the numbers while `sorted`. */
  let entries = new Map<number, OutboxEntry>();
  let highest = 0;
  let sorted = true;

  const keep = (entry: OutboxEntry): void => {
    if (entries.has(entry.number)) return;
    if (entry.number < highest) sorted = false;
    else highest = entry.number;
    entries.set(entry.number, entry);
  };

  const inOrder = (): Map<number, OutboxEntry> => {
    if (!sorted) {
      entries = new Map([...entries].sort(([a], [b]) => a - b));
      sorted = true;
    }
    return entries;
  };

  const entryOf = (number: string, event: string): OutboxEntry => {
    const lineBreak = event.indexOf('\n');
    return { number: Number(number), eventId: event.slice(0, lineBreak), json: event.slice(lineBreak + 1) };
  };

  return {
    argumentsOf: (event) => (event === undefined ? [owner, '', ''] : [owner, event.event_id, JSON.stringify(unmarked(event))]),
    decided(shard, { counter, values }, event) {
      const json = JSON.stringify({ ...unmarked(event), ledger_mark: `${generation}.${shard}.${counter}` });
      keep({ number: Number(values[0]), eventId: event.event_id, json });
    },
    async recover(shard) {
      let cursor = '0';
      do {
        const [next, found] = (await calls.read(shard, 'hscan', names.outboxEvents(shard), cursor, 'COUNT', String(scanCount))) as [
          string,
          string[],
        ];
        cursor = next;
        for (let index = 0; index < found.length; index += 2) {
          const value = found[index + 1] ?? '';
          if (value.startsWith(`${owner}\n`)) keep(entryOf(found[index] ?? '', value.slice(owner.length + 1)));
        }
      } while (cursor !== '0');
    },
    async outbox({ limit, after = -1 }) {
      const answer: OutboxEntry[] = [];
      for (const entry of inOrder().values()) {
        if (answer.length >= limit) break;
        if (entry.number > after) answer.push(entry);
      }
      return answer;
    },
    async published({ numbers }) {
      const byShard = new Map<number, string[]>();
      for (const number of numbers) {
        const shard = shardOfNumber(number);
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
      for (const number of numbers) entries.delete(number);
    },
    async takeOverOutbox({ olderThanMs, limit }) {
      let taken = 0;
      let asked: readonly number[] = shards;
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
            const entry = entryOf(values[index] ?? '', values[index + 1] ?? '');
            if (!entries.has(entry.number)) taken += 1;
            keep(entry);
          }
          if (values.length / 2 === each && taken > before) more.push(shard);
        }
        asked = [...more, ...asked.slice(found.length)];
      }
      return taken;
    },
  };
}
