/** Strings that many records share, such as a batch and its file: each record holds only the number its shard gave it. */
import { LedgerReadError } from '../errors.ts';
import { placeText, type LedgerPlace } from './errors.ts';
import type { RunOptions, ScriptClient } from './script-client.ts';
import type { KeyNames } from './key-names.ts';
import { scripts } from './scripts.ts';

export interface StringTable {
  /** The number of the text; a new text gets one. */
  numberOf(shard: number, text: string): Promise<string> | string;
  /** The same; null for a new text that Redis has no memory for now. */
  numberNow(shard: number, text: string): Promise<string | null> | string;
  textOf(shard: number, number: string): Promise<string> | string;
}

/** Kept in memory; a number never changes its meaning, so that the others are simply read again. */
const keptLimit = 8_192;

export function createStringTable(calls: ScriptClient, names: KeyNames, place: LedgerPlace): StringTable {
  // By shard.
  const numbers = names.shards.map(() => new Map<string, string>());
  const texts = names.shards.map(() => new Map<string, string>());
  let kept = 0;
  const asked = new Map<string, Promise<string | null>>();

  const keep = (shard: number, text: string, number: string): void => {
    if (kept >= keptLimit * names.shards.length) {
      for (const map of [...numbers, ...texts]) map.clear();
      kept = 0;
    }
    kept += 1;
    numbers[shard]?.set(text, number);
    texts[shard]?.set(number, text);
  };

  /** Many records of a new file need the same string at once. */
  const once = <Answer extends string | null>(name: string, ask: () => Promise<Answer>): Promise<Answer> => {
    let asking = asked.get(name) as Promise<Answer> | undefined;
    if (asking === undefined) {
      asking = ask().finally(() => asked.delete(name));
      asked.set(name, asking);
    }
    return asking;
  };

  const numberOf = (shard: number, text: string, options: RunOptions): Promise<string | null> | string =>
    numbers[shard]?.get(text) ??
    once(`${options.mayPostpone ? 'p' : 't'}${shard}:${text}`, async () => {
      const { answer, values } = await calls.run(shard, scripts.name, [names.names(shard)], [text], options);
      if (answer === 'postponed') return null;
      const number = String(values[0]);
      keep(shard, text, number);
      return number;
    });

  return {
    numberOf: (shard, text) => numberOf(shard, text, { mayPostpone: false }) as Promise<string> | string,
    numberNow: (shard, text) => numberOf(shard, text, { mayPostpone: true }),
    textOf(shard, number) {
      return (
        texts[shard]?.get(number) ??
        once(`n${shard}:${number}`, async () => {
          const text = await calls.read(shard, 'hget', names.names(shard), `n${number}`);
          if (typeof text !== 'string') {
            throw new LedgerReadError(
              `${placeText(place)} holds a record whose batch is missing: another program changed it. Do not pay from it.`,
            );
          }
          keep(shard, text, number);
          return text;
        })
      );
    },
  };
}
