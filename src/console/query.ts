/** Query parameters, which have the names of the flags. */
import { parseDurationMs } from '../duration.ts';
import { Refusal } from './access/guard.ts';
import type { Query } from './routes.ts';

const mostShown = 1_000;

/** @throws {Refusal} */
export const readLimit = (query: Query, fallback: number): number => readWhole(query, 'limit', { fallback, from: 1, to: mostShown });

export function readWhole(
  query: Query,
  name: string,
  { fallback, from, to }: { readonly fallback: number; readonly from: number; readonly to: number },
): number {
  const text = query[name];
  if (text === undefined || text === '') return fallback;
  const value = Number(text);
  if (/^\d{1,9}$/.test(text) && value >= from && value <= to) return value;
  throw wrong(name, `a whole number from ${from} to ${to}`);
}

/** Undefined for what is absent or empty, as a form sends it. */
export const readText = (query: Query, name: string): string | undefined => {
  const text = query[name]?.trim();
  return text === undefined || text === '' ? undefined : text;
};

export function readDuration(query: Query, name: string): number | undefined {
  const text = readText(query, name);
  if (text === undefined) return undefined;
  const ms = parseDurationMs(text);
  if (ms === undefined) throw wrong(name, 'a number and ms, s, m, h or d, such as 15m');
  return ms;
}

export function readOneOf<const Choice extends string>(query: Query, name: string, choices: readonly Choice[]): Choice | undefined {
  const text = readText(query, name);
  if (text === undefined) return undefined;
  const found = choices.find((choice) => choice === text);
  if (found === undefined) throw wrong(name, choices.join(', '));
  return found;
}

export const readFlag = (query: Query, name: string): boolean => ['', '1', 'true', 'on', 'yes'].includes(query[name] ?? 'no');

const wrong = (name: string, expected: string): Refusal =>
  new Refusal(422, 'wrong_parameter', `The parameter ${name}: expected ${expected}.`);
