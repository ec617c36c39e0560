/** What a shell can complete, read from the declarations. */
import type { Command, Option } from 'commander';
import type { Declaration } from '../declaration.ts';

/** What follows an option, or is an argument. */
export type Value =
  | { readonly type: 'none' }
  /** Anything: nothing can be suggested. */
  | { readonly type: 'text' }
  | { readonly type: 'file' }
  | { readonly type: 'folder' }
  | { readonly type: 'words'; readonly words: readonly string[] };

export interface FlagWords {
  /** Such as `--json`. */
  readonly long: string;
  /** Such as `-n`. */
  readonly short: string | undefined;
  readonly description: string;
  readonly value: Value;
}

export interface CommandWords {
  readonly name: string;
  readonly description: string;
  readonly flags: readonly FlagWords[];
  /** Of its first argument. */
  readonly argument: Value;
}

/** Flags of variables are left out: there are too many of them to be of help. */
export const wordsOf = (declarations: readonly Declaration[]): readonly CommandWords[] =>
  declarations.map(({ name, actions, command }) => {
    const declared = command(() => Promise.resolve());
    return {
      name,
      description: declared.description(),
      flags: [...declared.options.filter(({ hidden }) => !hidden).map(flagWords), help],
      argument: argumentOf(declared, actions()),
    };
  });

const help: FlagWords = { long: '--help', short: '-h', description: 'display help for command', value: { type: 'none' } };

const flagWords = ({ long, short, flags, description, argChoices }: Option): FlagWords => ({
  long: long ?? '',
  short: short ?? undefined,
  description,
  value: argChoices === undefined ? valueOf(/<([^>]+)>/.exec(flags)?.[1]) : { type: 'words', words: argChoices },
});

/** By the name that the help gives it, such as `--out <file>`. */
function valueOf(name: string | undefined): Value {
  if (name === undefined) return { type: 'none' };
  if (name === 'file' || name === 'report') return { type: 'file' };
  return name === 'dir' ? { type: 'folder' } : { type: 'text' };
}

function argumentOf(declared: Command, actions: readonly string[]): Value {
  if (actions.length > 0) return { type: 'words', words: actions };
  return valueOf(declared.registeredArguments[0]?.name());
}
