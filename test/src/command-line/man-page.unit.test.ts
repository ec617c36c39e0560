/** The manual page has what the help has. */
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { declarations } from '../../../src/command-line/declarations.ts';
import { manPage } from '../../../src/command-line/man-page.ts';
import { exitHelp } from '../../../src/command-line/program-help.ts';
import { secretNames, variableNames } from '../../../src/config/variables.ts';

const source = manPage();
/** As a reader sees it, without fonts. */
const plain = source
  .replaceAll(/\\f[BIR]/g, '')
  .replaceAll('\\-', '-')
  .replaceAll(/\\\[u([0-9A-F]{4,6})\]/g, (_, hex: string) => String.fromCodePoint(parseInt(hex, 16)))
  .replaceAll(/^\\&/gm, '')
  .replaceAll('\\e', '\\');

const partOf = (name: string): string =>
  plain.split(/^\.S[SH] /m).find((part) => part.startsWith(`disburse ${name} `) || part.startsWith(`disburse ${name}\n`)) ?? '';

describe('the manual page', () => {
  it.each(declarations.map(({ name }) => name))(
    'has %s with its description, arguments, visible options and their descriptions',
    (name) => {
      const declared = declarations.find((one) => one.name === name)?.command(() => Promise.resolve());
      const part = partOf(name);
      expect(part).toContain(declared?.description());
      for (const argument of declared?.registeredArguments ?? []) expect(part).toContain(argument.name().toUpperCase());
      for (const { flags, description } of declared?.options.filter(({ hidden }) => !hidden) ?? [])
        expect(part).toContain(`${flags}\n${description}`);
    },
  );

  it.each(declarations.map(({ name }) => name))('has the examples of %s as they are in its help', (name) => {
    const declared = declarations.find((one) => one.name === name)?.command(() => Promise.resolve());
    let help = '';
    declared?.configureOutput({ writeOut: (text) => void (help += text) }).outputHelp();
    const examples =
      help
        .split('\nExamples:\n')[1]
        ?.split('\n')
        .filter((line) => line.trim() !== '') ?? [];
    expect(partOf(name).split('\n')).toEqual(expect.arrayContaining(examples.map((line) => line.trim())));
  });

  it('has every variable of the configuration, and an option for each that is no secret', () => {
    for (const name of variableNames) {
      const flag = `--${name.toLowerCase().replaceAll('_', '-')}`;
      expect(plain).toContain(`\n${name}\n${secretNames.has(name) ? 'never an option' : `option ${flag}`};`);
    }
  });

  it('has every exit code', () => {
    for (const [code, meaning] of exitHelp) expect(plain).toContain(`\n${code}\n${meaning}\n`);
  });

  it('is ASCII, and no line of text begins with a sign that is a command', () => {
    expect(source).toMatch(/^[\n -~]*$/);
    const macros = /^\.(?:\\"|TH|SH|SS|TP|PP|nf|fi|RS|RE)(?: |$)/;
    expect(source.split('\n').filter((line) => /^[.']/.test(line) && !macros.test(line))).toEqual([]);
  });

  it.skipIf(spawnSync('groff', ['--version']).status !== 0)('is formatted by groff without a warning', () => {
    const { status, stdout, stderr } = spawnSync('groff', ['-ww', '-man', '-Tutf8'], { input: source, encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain('dead');
  });
});
