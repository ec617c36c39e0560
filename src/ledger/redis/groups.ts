/**
 * Calls of one shard that wait together leave as one script call: what every script begins with, and the write of the meta
 * hash, are then done once. Each call is decided and answered by itself, as if it had been made alone.
 */
import type { Argument, Call, CallResult, Sending } from './calls.ts';

/** What is sent, and the calls that it carries out. */
export interface Unit {
  readonly sent: Sending;
  readonly calls: readonly Call[];
}

/** Redis serves no other client while a script runs. */
const groupLimit = 32;
/** Each key of a group is named by one ASCII character. */
const keyLimit = 127;

const isElement = ({ script }: Call): boolean => script?.element !== undefined;

/** A group under way: its calls, and the number of each of its keys. */
interface Group {
  readonly calls: Call[];
  readonly keys: Map<string, number>;
}

/** In the order of the first call of each. */
export function unitsOf(calls: readonly Call[]): readonly Unit[] {
  const units: (Group | Call)[] = [];
  const open = new Map<number, Group>();
  for (const call of calls) {
    if (!isElement(call)) {
      units.push(call);
      continue;
    }
    let group = open.get(call.shard);
    if (group === undefined || isFull(group, call)) {
      group = { calls: [], keys: new Map() };
      open.set(call.shard, group);
      units.push(group);
    }
    group.calls.push(call);
    // Behind the meta hash.
    for (const key of call.keys) if (!group.keys.has(key)) group.keys.set(key, group.keys.size + 2);
  }
  return units.map((unit) => ('calls' in unit ? { sent: sentOf(unit), calls: unit.calls } : { sent: unit, calls: [unit] }));
}

const isFull = ({ calls, keys }: Group, call: Call): boolean =>
  calls.length >= groupLimit ||
  // Nearly always there is room for all of its keys, whether the group has them or not.
  (keys.size + 1 + call.keys.length > keyLimit && keys.size + 1 + call.keys.filter((key) => !keys.has(key)).length > keyLimit);

function sentOf({ calls, keys }: Group): Sending {
  const [first] = calls;
  if (first === undefined) throw new TypeError('a group has at least one call');
  const args: Argument[] = [String(calls.length)];
  for (const call of calls) {
    const numbers = String.fromCharCode(...call.keys.map((key) => keys.get(key) ?? 1));
    args.push(call.script?.element ?? '', numbers, String(call.args.length));
    for (const argument of call.args) args.push(argument);
  }
  const { shard, script, command, bytes } = first;
  return { shard, script, command, keys: [...keys.keys()], args, bytes, whole: calls.some(({ whole }) => whole) };
}

const betweenAnswers = '\x1e';
const betweenValues = '\x1f';

/** What became of each call of the unit. */
export function resultsOf({ calls }: Unit, result: CallResult): readonly CallResult[] {
  const [error, value] = result;
  if (error !== null || typeof value !== 'string' || calls.every((call) => !isElement(call))) return calls.map(() => result);
  const answers = value.split(betweenAnswers);
  return calls.map((_, index) => resultOf((answers[index] ?? '').split(betweenValues)));
}

function resultOf(answer: readonly string[]): CallResult {
  const [what, message = ''] = answer;
  // Redis 6 puts where in the script it happened before what a command answered.
  return what === 'failed'
    ? [Object.assign(new Error(message.replace(/^@?user_script: ?\d+: -?/, '')), { name: 'ReplyError' })]
    : [null, answer];
}
