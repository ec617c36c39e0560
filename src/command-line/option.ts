/**
 * Options of a command, with their types. Commander splits the command line; what it hands over is read once here, so that
 * a command gets typed values and nothing else.
 */
import { parseDurationMs } from '../duration.ts';

/** The value does not fit; the message completes the sentence `option '--x' argument 'y' is invalid.` */
export class OptionError extends Error {}

/** As commander hands a value over: text, or true and false for an option without an argument. */
type Given = string | boolean | undefined;

export interface Option<Value> {
  /** Commander's notation, such as `--out <dir>`. */
  readonly flags: string;
  readonly description: string;
  /** Applies when the option is absent, and is shown in the help. */
  readonly fallback?: string;
  /** Shown in the help. */
  readonly choices?: readonly string[];
  /** Declares `--no-x` beside `--x`, with its own description. */
  readonly negation?: string;
  /** @throws {OptionError} */
  readonly read: (given: Given) => Value;
}

export type Options = Readonly<Record<string, Option<unknown>>>;

type Values<Declared extends Options> = { readonly [Name in keyof Declared]: ReturnType<Declared[Name]['read']> };
type Optional<Declared extends Options> = {
  [Name in keyof Declared]: undefined extends ReturnType<Declared[Name]['read']> ? Name : never;
}[keyof Declared];

/** The values of a set of options; what is absent has no member. */
export type OptionsOf<Declared extends Options> = Omit<Values<Declared>, Optional<Declared>> & {
  readonly [Name in Optional<Declared>]?: Exclude<ReturnType<Declared[Name]['read']>, undefined>;
};

/** Present or not. */
export const flag = (flags: string, description: string): Option<boolean> => ({
  flags,
  description,
  read: (given) => given === true,
});

const textOf = (given: Given): string | undefined => (typeof given === 'string' ? given : undefined);

export const text = (flags: string, description: string): Option<string | undefined> => ({ flags, description, read: textOf });

/** Where to listen. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** `HOST:PORT`; an IPv6 address in brackets. */
export const address = (flags: string, description: string): Option<Address | undefined> => ({
  flags,
  description,
  read(given) {
    const value = textOf(given);
    if (value === undefined) return undefined;
    const [, bracketed, host = bracketed, port = ''] = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/.exec(value) ?? [];
    if (host === undefined || Number(port) > 65_535)
      throw new OptionError('Expected host and port to listen on, such as 127.0.0.1:8080, port 0 for any.');
    return { host, port: Number(port) };
  },
});

export const textOr = (fallback: string, flags: string, description: string): Option<string> => ({
  flags,
  description,
  fallback,
  read: (given) => textOf(given) ?? fallback,
});

/** Commander refuses any other value. */
export const choice = <const Choice extends string>(
  choices: readonly Choice[],
  flags: string,
  description: string,
): Option<Choice | undefined> => ({ flags, description, choices, read: (given) => choices.find((known) => known === given) });

export const choiceOr = <const Choice extends string>(
  fallback: Choice,
  choices: readonly Choice[],
  flags: string,
  description: string,
): Option<Choice> => ({ flags, description, choices, fallback, read: (given) => choices.find((known) => known === given) ?? fallback });

/** Several of the choices, separated by commas. */
export const someOf = <const Choice extends string>(
  choices: readonly Choice[],
  flags: string,
  description: string,
): Option<readonly Choice[] | undefined> => ({
  flags,
  description: `${description}: ${choices.join(', ')}`,
  read(given) {
    if (typeof given !== 'string') return undefined;
    const parts = given.split(',').map((part) => part.trim());
    const known = parts.flatMap((part) => choices.filter((choice) => choice === part));
    if (known.length === parts.length) return known;
    const unknown = parts.filter((part) => !choices.some((choice) => choice === part));
    throw new OptionError(`Unknown: ${unknown.map((part) => JSON.stringify(part)).join(', ')}. Expected ${choices.join(', ')}.`);
  },
});

function milliseconds(given: string): number {
  const ms = parseDurationMs(given);
  if (ms !== undefined) return ms;
  throw new OptionError('Expected a number and ms, s, m, h or d, such as 15m.');
}

/** In milliseconds. */
export const duration = (flags: string, description: string): Option<number | undefined> => ({
  flags,
  description,
  read: (given) => (typeof given === 'string' ? milliseconds(given) : undefined),
});

/** In milliseconds; false where its negation, such as `--no-wait`, is given. */
export const durationOrNot = (flags: string, description: string, negation: string): Option<number | false | undefined> => ({
  flags,
  description,
  negation,
  read: (given) => (typeof given === 'string' ? milliseconds(given) : given === false ? false : undefined),
});

interface Range {
  readonly from: number;
  readonly to: number;
}

function wholeNumber(given: string, { from, to }: Range): number {
  const value = Number(given);
  if (/^\d+$/.test(given) && value >= from && value <= to) return value;
  throw new OptionError(`Expected a whole number from ${from} to ${to}.`);
}

export const integer = (range: Range, flags: string, description: string): Option<number | undefined> => ({
  flags,
  description,
  read: (given) => (typeof given === 'string' ? wholeNumber(given, range) : undefined),
});

export const integerOr = (fallback: number, range: Range, flags: string, description: string): Option<number> => ({
  flags,
  description,
  fallback: String(fallback),
  read: (given) => (typeof given === 'string' ? wholeNumber(given, range) : fallback),
});

export const integerOrAll = (fallback: number, range: Range, flags: string, description: string): Option<number | 'all'> => ({
  flags,
  description,
  fallback: String(fallback),
  read: (given) => (given === 'all' ? given : typeof given === 'string' ? wholeNumber(given, range) : fallback),
});
