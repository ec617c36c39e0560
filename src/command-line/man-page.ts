/** The manual page `disburse(1)`, written from the declarations of the commands when the package is built. */
import type { Command, Option } from 'commander';
import { listSettings } from '../config/settings-list.ts';
import { secretNames } from '../config/variables.ts';
import { version } from '../version.ts';
import type { Declaration } from './declaration.ts';
import { declarations } from './declarations.ts';
import { exitHelp, programDescription } from './program-help.ts';
import { flagOf } from './layers.ts';

/** In the macros of man(7), ASCII only. */
export const manPage = (): string =>
  `${[
    '.\\" Written by scripts/build.mjs from the declarations of the commands.',
    `.TH DISBURSE 1 "" "disburse ${escaped(version)}" "User Commands"`,
    ...section('NAME', ['disburse \\- pays files and streams of payouts, each at most once']),
    ...section('SYNOPSIS', [`${bold('disburse')} ${italic('COMMAND')} [${italic('ARGUMENT')} ...] [${italic('OPTION')} ...]`]),
    ...section('DESCRIPTION', [line(programDescription)]),
    ...section('COMMANDS', declarations.flatMap(commandLines)),
    ...section('OPTIONS', [
      ...item(`${bold('-h')}, ${bold('--help')}`, 'Prints the help; after a command, that of the command.'),
      ...item(`${bold('-V')}, ${bold('--version')}`, 'Prints the version.'),
    ]),
    ...section('ENVIRONMENT', settingLines()),
    ...section(
      'EXIT STATUS',
      exitHelp.flatMap(([code, meaning]) => item(bold(String(code)), meaning)),
    ),
    ...section('FILES', [
      ...item(italic('.env'), 'Settings of the working folder; the environment and flags come before it.'),
      ...item(italic('DATA_DIR'), 'Ledger, results, alerts and the files beside them.'),
    ]),
    ...section('SEE ALSO', [
      line('The pages of the package: "disburse docs" lists them, "disburse docs configuration" explains every setting and option.'),
    ]),
  ].join('\n')}\n`;

const section = (title: string, lines: readonly string[]): readonly string[] => [`.SH ${title}`, ...lines];

/** A hanging paragraph; the term is already in the macros' notation. */
const item = (term: string, text: string): readonly string[] => ['.TP', term, line(text)];

function commandLines({ command }: Declaration): readonly string[] {
  const declared = command(() => Promise.resolve());
  const shown = declared.options.filter(({ hidden }) => !hidden);
  const examples = examplesOf(declared);
  return [
    `.SS ${bold(`disburse ${declared.name()}`)}${declared.registeredArguments.map((argument) => ` ${italic(argumentText(argument))}`).join('')}`,
    line(declared.description()),
    ...shown.flatMap((option) => item(bold(option.flags), optionText(option))),
    ...(examples.length === 0 ? [] : ['.PP', 'Examples:', '.PP', '.nf', '.RS', ...examples.map(line), '.RE', '.fi']),
  ];
}

type Argument = Command['registeredArguments'][number];

const argumentText = (argument: Argument): string => {
  const name = `${argument.name().toUpperCase()}${argument.variadic ? '...' : ''}`;
  return argument.required ? name : `[${name}]`;
};

function optionText({ description, argChoices, defaultValue }: Option): string {
  const choices = argChoices === undefined ? [] : [`one of ${argChoices.join(', ')}`];
  const fallback: readonly string[] = typeof defaultValue === 'string' ? [`default: ${defaultValue}`] : [];
  const notes = [...choices, ...fallback];
  return `${description}${notes.length === 0 ? '' : ` (${notes.join('; ')})`}`;
}

/** As the help prints them: that is the one place where commander keeps them. */
function examplesOf(command: Command): readonly string[] {
  const written: string[] = [];
  command.configureOutput({ writeOut: (text) => void written.push(text) }).outputHelp();
  const [, examples = ''] = written.join('').split('\nExamples:\n');
  return examples
    .split('\n')
    .map((one) => one.trim())
    .filter((one) => one !== '');
}

const settingLines = (): readonly string[] => [
  'Each variable is also an option, secrets excepted.',
  ...listSettings([]).flatMap(({ name, value }) => {
    const flag = secretNames.has(name) ? 'never an option' : `option ${flagOf(name)}`;
    return item(bold(name), `${flag}; ${value === null ? 'no default' : `default: ${value}`}`);
  }),
];

const bold = (text: string): string => `\\fB${escaped(text)}\\fR`;
const italic = (text: string): string => `\\fI${escaped(text)}\\fR`;

/** A line of text: at its beginning a dot and an apostrophe are commands. */
const line = (text: string): string => escaped(text).replace(/^(?=[.'])/, '\\&');

/** A backslash begins an escape, a minus sign is a hyphen, and other than ASCII depends on the reader's encoding. */
const escaped = (text: string): string =>
  text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll(/[^\n -~]/gu, (sign) => `\\[u${(sign.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}]`);
