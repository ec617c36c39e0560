/** What a command is called, what it takes, and what runs it. */
import { Command, InvalidArgumentError, Option as CommanderOption } from 'commander';
import { secretNames, variableNames } from '../config/variables.ts';
import type { Config } from '../config/config.ts';
import { exitCodes, type ExitCode } from '../exit.ts';
import { OptionError, type Option, type Options, type OptionsOf } from './option.ts';
import { flagOf, type Given } from './layers.ts';

export interface Invocation<Values> {
  readonly config: Config;
  /** The arguments that were given, in their order. */
  readonly args: readonly string[];
  /** All flags, those of variables too. */
  readonly flags: Given;
  readonly options: Values;
}

/**
 * @property usage name and arguments in commander's notation, such as `run <file>`
 * @property actions what the first argument can be, for the completion of shells; default: anything
 * @property needs `gateway`: the variables that sending needs; `data`: none of these; `none`: no configuration at all
 * @property examples arguments after `disburse`, shown in the help
 * @property outputFailure exit code when stdout could not be written; default 1
 */
interface Description<Declared extends Options> {
  readonly usage: string;
  readonly actions?: () => readonly string[];
  readonly description: string;
  readonly needs: Needs;
  readonly options: Declared;
  readonly examples: readonly string[];
  readonly outputFailure?: ExitCode;
  readonly run: (invocation: Invocation<OptionsOf<Declared>>) => Promise<ExitCode>;
}

type Needs = 'gateway' | 'data' | 'none';

/** A command as the program knows it, whatever its options are. */
export interface Declaration {
  readonly name: string;
  readonly actions: () => readonly string[];
  readonly command: (invoke: Invoke) => Command;
}

/** Runs the command: reads the configuration that it needs and keeps the exit code. */
export type Invoke = (call: CommandCall) => Promise<void>;

export interface CommandCall {
  readonly needs: Needs;
  readonly flags: Given;
  readonly outputFailure: ExitCode;
  readonly run: (config: Config) => Promise<ExitCode>;
}

export function declare<Declared extends Options>(declared: Description<Declared>): Declaration {
  const [name = ''] = declared.usage.split(' ');
  return {
    name,
    actions: declared.actions ?? (() => []),
    command(invoke) {
      const command = new Command(name).description(declared.description).addHelpText('after', examplesText(declared.examples));
      for (const argument of declared.usage.split(' ').slice(1)) command.argument(argument);
      for (const option of Object.values(declared.options)) addOption(command, option);
      if (declared.needs !== 'none')
        addVariables(command, new Set(Object.values(declared.options).map(({ flags }) => flags.split(' ')[0])));
      return command.action(async () => {
        const given = command.opts<Given>();
        const options = readOptions(declared.options, given);
        await invoke({
          needs: declared.needs,
          flags: given,
          outputFailure: declared.outputFailure ?? exitCodes.usage,
          run: async (config) => declared.run({ config, args: command.args, flags: given, options }),
        });
      });
    },
  };
}

const examplesText = (examples: readonly string[]): string =>
  examples.length === 0 ? '' : `\nExamples:\n${examples.map((example) => `  disburse ${example}`).join('\n')}`;

function addOption(command: Command, { flags, description, fallback, choices, negation, read }: Option<unknown>): void {
  const option = new CommanderOption(flags, description);
  if (choices !== undefined) option.choices([...choices]);
  // Checked here, so that commander prints its own sentence; the value is read again, typed, when the command runs.
  else if (flags.includes('<')) option.argParser((given: string) => checked(given, read));
  if (fallback !== undefined) option.default(fallback);
  command.addOption(option);
  if (negation !== undefined) command.addOption(new CommanderOption(flags.replace('--', '--no-').replace(/ .*/, ''), negation));
}

function checked(given: string, read: Option<unknown>['read']): string {
  try {
    read(given);
    return given;
  } catch (cause) {
    if (cause instanceof OptionError) throw new InvalidArgumentError(cause.message);
    throw cause;
  }
}

/**
 * Every variable of the configuration is a flag too; only secrets are not, since every process list shows flags, and
 * what the command declares by itself.
 */
function addVariables(command: Command, declared: ReadonlySet<string | undefined>): void {
  for (const name of variableNames) {
    if (!secretNames.has(name) && !declared.has(flagOf(name))) command.addOption(new CommanderOption(`${flagOf(name)} <value>`).hideHelp());
  }
}

function readOptions<Declared extends Options>(declared: Declared, given: Given): OptionsOf<Declared> {
  const values = Object.entries(declared).map(([name, { flags, read }]) => {
    const value = given[new CommanderOption(flags).attributeName()];
    return [name, read(typeof value === 'string' || typeof value === 'boolean' ? value : undefined)] as const;
  });
  // The one place where the types of single options become the type of the whole set.
  return Object.fromEntries(values.filter(([, value]) => value !== undefined)) as OptionsOf<Declared>;
}
