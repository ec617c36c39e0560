/**
 * Calls of one shard that wait together leave as one script call: what every script begins with, and the write of the meta
 * hash, are then done once. Each call is decided and answered by itself, as if it had been made alone.
 */
import type { Argument, Call, CallResult } from './calls.ts';

/** What is sent, and the calls that it carries out. */
export interface Unit {
  readonly sent: Pick<Call, 'shard' | 'script' | 'command' | 'args' | 'bytes' | 'whole'>;
  readonly calls: readonly Call[];
}

/** Redis serves no other client while a script runs. */
const groupLimit = 32;

const isElement = ({ script }: Call): boolean => script?.element !== undefined;

/** In the order of the first call of each. */
export function unitsOf(calls: readonly Call[]): readonly Unit[] {
  const units: Call[][] = [];
  const open = new Map<number, Call[]>();
  for (const call of calls) {
    const group = isElement(call) ? open.get(call.shard) : undefined;
    if (group !== undefined && group.length < groupLimit) group.push(call);
    else {
      const unit = [call];
      units.push(unit);
      if (isElement(call)) open.set(call.shard, unit);
    }
  }
  return units.map((unit) => ({ sent: sentOf(unit), calls: unit }));
}

/** Arguments of a call: number of keys, meta, other keys, generation and writer, other arguments. */
function sentOf(unit: readonly Call[]): Unit['sent'] {
  const [first] = unit;
  if (first === undefined) throw new TypeError('a group has at least one call');
  if (!isElement(first)) return first;
  const keys: Argument[] = [];
  const args: Argument[] = [];
  for (const { script, args: own } of unit) {
    const keyCount = Number(own[0]) - 1;
    keys.push(...own.slice(2, keyCount + 2));
    args.push(script?.element ?? '', String(keyCount), String(own.length - keyCount - 3), ...own.slice(keyCount + 3));
  }
  const [meta = '', generation = ''] = [first.args[1], first.args[Number(first.args[0]) + 1]];
  return {
    ...first,
    args: [String(keys.length + 1), meta, ...keys, generation, String(unit.length), ...args],
    whole: unit.some(({ whole }) => whole),
  };
}

/** What became of each call of the unit. */
export function resultsOf({ calls }: Unit, result: CallResult): readonly CallResult[] {
  const [error, value] = result;
  const [first] = calls;
  if (error !== null || first === undefined || !isElement(first)) return calls.map(() => result);
  const [answer, , ...answers] = value as readonly unknown[];
  return answer === 'group' ? calls.map((_, index) => resultOf(answers[index])) : calls.map(() => result);
}

const resultOf = (answer: unknown): CallResult => (answer instanceof Error ? [inOwnWords(answer)] : [null, answer]);

/** Redis 6 puts where in the script it happened before what a command answered. */
function inOwnWords(error: Error): Error {
  const message = error.message.replace(/^@?user_script: ?\d+: -?/, '');
  return message === error.message ? error : Object.assign(new Error(message), { name: error.name });
}
