/**
 * The gates, and the terms of batches. They are decided in one shard and copied to all others, because the script that writes
 * an intent can look at its own shard only. The number of each change rises, so that a late copy undoes no later one.
 */
import type { SharedLedger } from '../../../batches/ports/ledger.ts';
import { dayHold, noTerms, type BatchTerms, type Gates, type Hold } from '../../../batches/record/gates.ts';
import type { MovedItem } from '../moved-items.ts';
import type { LedgerContext } from './context.ts';
import type { KeyNames } from './key-names.ts';
import { scripts } from './scripts.ts';

type GateCalls = Pick<LedgerContext, 'calls' | 'names'>;
type GateMethods = Pick<SharedLedger, 'gates' | 'setGates' | 'terms' | 'setTerms'>;

export const createGates = (context: Pick<LedgerContext, 'calls' | 'names' | 'nextToken'>): GateMethods => ({
  gates: () => readGates(context),
  terms: (batchId) => readTerms(context, batchId),
  setGates: (gates, expected) =>
    setGate(context, { home: 0, keyOf: context.names.meta, field: 'gates', number: gates.number, text: gatesText(gates), expected }),
  setTerms: ({ batchId, terms, expected }) =>
    setGate(context, {
      home: context.names.shardOf(batchId),
      keyOf: (shard) => context.names.tally(shard, batchId),
      field: 'terms',
      number: terms.number,
      text: termsText(terms),
      expected,
    }),
});

export async function readGates({ calls, names }: GateCalls): Promise<Gates | null> {
  return gateIn((await calls.read(0, 'hget', names.meta(0), 'gates')) as string | null) as Gates | null;
}

export async function readTerms({ calls, names }: GateCalls, batchId: string): Promise<BatchTerms> {
  const text = (await calls.read(names.shardOf(batchId), 'hget', names.tally(names.shardOf(batchId), batchId), 'terms')) as string | null;
  return (gateIn(text) as BatchTerms | null) ?? noTerms;
}

/** What follows number, token and two words that scripts read. */
const gateIn = (text: string | null): unknown => {
  const json = text === null ? undefined : /^\d+ \S+ \S+ \S+ (.*)$/s.exec(text)?.[1];
  return json === undefined ? null : JSON.parse(json);
};

/** As `day.lua` reads it. */
function gatesText({ approval, maxDayTotal, ...rest }: Gates): string {
  const limits = Object.entries(maxDayTotal).map(([currency, limit]) => `${currency}=${limit}`);
  const words = `${approval === 'required' ? '1' : '0'} ${limits.length === 0 ? '-' : limits.join(',')}`;
  return `${words} ${JSON.stringify({ approval, maxDayTotal, ...rest })}`;
}

/** As `intent.lua` reads it. */
const termsText = (terms: BatchTerms): string =>
  `${terms.approval === null ? '0' : '1'} ${terms.notBefore === null ? '-' : String(terms.notBefore)} ${JSON.stringify(terms)}`;

interface GateChange {
  /** The shard that decides. */
  readonly home: number;
  readonly keyOf: KeyNames['meta'];
  readonly field: 'gates' | 'terms';
  readonly number: number;
  readonly text: string;
  readonly expected: number;
}

/** Decided first, then copied to every shard, also when it was decided before: an earlier call may have died in between. */
async function setGate(
  { calls, names, nextToken }: Pick<LedgerContext, 'calls' | 'names' | 'nextToken'>,
  { home, keyOf, field, number, text, expected }: GateChange,
): Promise<boolean> {
  const token = nextToken();
  let whole = `${number} ${token} ${text}`;
  if (number === expected) {
    const kept = (await calls.read(home, 'hget', keyOf(home), field)) as string | null;
    if (kept?.startsWith(`${number} `) !== true) return false;
    whole = kept;
  } else {
    const { answer } = await calls.run(home, scripts.setGate, [keyOf(home)], [field, String(expected), token, whole]);
    if (answer === 'moved') return false;
  }
  const others = names.shards.filter((shard) => shard !== home);
  await Promise.all(others.map((shard) => calls.run(shard, scripts.copyGate, [keyOf(shard)], [field, String(number), whole])));
  return true;
}

/**
 * Copies to the shard what the deciding shards have of the gates and of the terms of the batch: a change is being copied, or
 * its copying was cut short.
 *
 * @returns whether the shard had an earlier state
 */
export async function copyGatesTo(context: GateCalls, { shard, batchId }: { shard: number; batchId: string }): Promise<boolean> {
  const { names } = context;
  const ofBatch = { home: names.shardOf(batchId), keyOf: (one: number) => names.tally(one, batchId), field: 'terms' } as const;
  const copied = [await copyTo(context, shard, { home: 0, keyOf: names.meta, field: 'gates' }), await copyTo(context, shard, ofBatch)];
  return copied.includes(true);
}

async function copyTo({ calls }: GateCalls, shard: number, { home, keyOf, field }: Pick<GateChange, 'home' | 'keyOf' | 'field'>) {
  if (shard === home) return false;
  const kept = (await calls.read(home, 'hget', keyOf(home), field)) as string | null;
  const number = /^\d+/.exec(kept ?? '')?.[0];
  if (kept === null || number === undefined) return false;
  return (await calls.run(shard, scripts.copyGate, [keyOf(shard)], [field, number, kept])).answer === 'written';
}

/** Of other intents of the shard, which take what was granted, so many are waited for. */
const triesAtMost = 256;

/**
 * Asks for so much of the limit of a day as the shard needs.
 *
 * @returns undefined when it is granted: the intent is to be tried again; else what it waits for
 */
export async function grantDay(
  { calls, names }: GateCalls,
  { shard, currency, day, needed, tries }: { shard: number; currency: string; day: number; needed: string; tries: number },
): Promise<Hold | undefined> {
  const { answer, values } = await calls.run(0, scripts.grantDay, [], [currency, String(day), String(shard), needed]);
  if (answer === 'full' || tries >= triesAtMost) {
    const limit = (await readGates({ calls, names }))?.maxDayTotal[currency];
    return dayHold(currency, BigInt(limit ?? 0), day);
  }
  if (answer === 'free') {
    // The limit was removed, and a crash kept that from this shard.
    await copyTo({ calls, names }, shard, { home: 0, keyOf: names.meta, field: 'gates' });
  }
  const granted = values[0];
  if (granted !== undefined) await calls.run(shard, scripts.takeGrant, [], [currency, String(day), granted]);
  return undefined;
}

/** What an export has of them: what the shards have sent on the newest day, in all. */
export async function* gateItems(context: GateCalls, batchIds: readonly string[]): AsyncGenerator<MovedItem> {
  const { calls, names } = context;
  const gates = await readGates(context);
  if (gates !== null) yield { type: 'gates', gates };
  for (const batchId of batchIds) {
    const terms = await readTerms(context, batchId);
    if (terms.number > 0) yield { type: 'terms', batchId, terms };
  }
  for (const currency of Object.keys(gates?.maxDayTotal ?? {})) {
    const fields = await Promise.all(names.shards.map((shard) => calls.read(shard, 'hget', names.meta(shard), `day:${currency}`)));
    const sums = fields.map((text) => String(text ?? '0 0').split(' '));
    const day = Math.max(...sums.map(([one]) => Number(one)));
    const minor = sums.reduce((sum, [its, sent]) => (Number(its) === day ? sum + BigInt(sent ?? 0) : sum), 0n);
    yield { type: 'day_total', currency, day, minor: String(minor) };
  }
}
