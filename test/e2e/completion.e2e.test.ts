/** The completion of shells, and the pages in the package. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { declarations } from '../../src/command-line/declarations.ts';
import { shells } from '../../src/command-line/completion/script.ts';
import { disburse, inTemporaryFolder } from '../support/cli.ts';

const names = declarations.map(({ name }) => name);
const page = (name: string): string => readFileSync(join(import.meta.dirname, '..', '..', 'docs', `${name}.md`), 'utf8');
const hasProgram = (name: string): boolean => spawnSync(name, ['--version']).status === 0;

/** The flags of a command that its help shows. */
const visibleFlags = (name: string): readonly string[] => {
  const declared = declarations.find((one) => one.name === name)?.command(() => Promise.resolve());
  return (declared?.options ?? []).filter(({ hidden }) => !hidden).map(({ long }) => long ?? '');
};

const printed = new Map<string, string>();

beforeAll(async () => {
  for (const shell of shells) {
    const ended = await disburse(['completion', shell], { GATEWAY_URL: 'nonsense' });
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    printed.set(shell, ended.stdout);
  }
});

describe.skipIf(!hasProgram('bash'))('disburse completion bash', () => {
  /** What bash suggests for the last of the words. */
  const suggested = (words: readonly string[], cwd?: string): readonly string[] => {
    const script = `${printed.get('bash')}
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _disburse; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { status, stdout, stderr } = spawnSync('bash', ['--norc', '-c', script, 'bash', 'disburse', ...words], { encoding: 'utf8', cwd });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    return stdout.split('\n').filter((line) => line !== '');
  };

  it('suggests every command, and those that begin with what is typed', () => {
    expect(suggested([''])).toEqual([...names, 'help', '--help', '--version']);
    expect(suggested(['reb'])).toEqual(['rebuild']);
    expect(suggested(['help', 'dead'])).toEqual(['dead-letters']);
    expect(suggested(['pay'])).toEqual([]);
  });

  it.each(names)('suggests every visible option of %s', (name) => {
    expect(suggested([name, '--'])).toEqual([...visibleFlags(name), '--help']);
  });

  it('suggests the values that an option or the first argument can have', () => {
    expect(suggested(['run', '--policy', ''])).toEqual(['skip', 'all-or-nothing']);
    expect(suggested(['run', '--policy', 'all'])).toEqual(['all-or-nothing']);
    expect(suggested(['dead-letters', ''])).toEqual(['list', 'show', 'redrive']);
    expect(suggested(['schema', 're'])).toEqual(['result']);
    expect(suggested(['docs', 'op'])).toEqual(['operations']);
    expect(suggested(['run', '--wait', ''])).toEqual([]);
  });

  it('suggests files and folders where one is expected, whatever is in their names', async () => {
    await inTemporaryFolder(async (folder) => {
      writeFileSync(join(folder, 'may payouts $(x).csv'), '');
      mkdirSync(join(folder, 'keys'));
      expect(suggested(['run', 'may'], folder)).toEqual(['may payouts $(x).csv']);
      expect(suggested(['run', 'may.csv', '--results', 'may'], folder)).toEqual(['may payouts $(x).csv']);
      expect(suggested(['keys', '--out', ''], folder)).toEqual(['keys']);
    });
  });
});

it.each(names)('%s says what its first argument can be, if that is one of a few words', (name) => {
  const declared = declarations.find((one) => one.name === name);
  const argument = declared?.command(() => Promise.resolve()).registeredArguments[0]?.name() ?? '';
  expect((declared?.actions() ?? []).length > 0).toBe(['action', 'name', 'shell', 'topic'].includes(argument));
});

it.each(['zsh', 'fish'])('disburse completion %s has every command with its visible options', (shell) => {
  const script = printed.get(shell) ?? '';
  for (const name of names) {
    const part =
      shell === 'fish'
        ? script.split('\n').filter((line) => line.includes(`__disburse_command ${name}'`))
        : [new RegExp(`^ {4}${name}\\) _arguments .*?;;$`, 'ms').exec(script)?.[0] ?? ''];
    const missing = visibleFlags(name).filter(
      (flag) => !part.some((line) => (shell === 'fish' ? line.includes(` -l ${flag.slice(2)} `) : line.includes(`'${flag}[`))),
    );
    expect({ name, missing }).toEqual({ name, missing: [] });
    expect(script).toContain(shell === 'fish' ? `-a ${name} -d ` : `'${name}:`);
  }
});

it.each(['zsh', 'fish'])('the completion for %s parses, where that shell is installed', async (shell) => {
  if (!hasProgram(shell)) return;
  await inTemporaryFolder(async (folder) => {
    const path = join(folder, 'completion');
    writeFileSync(path, printed.get(shell) ?? '');
    const { status, stderr } = spawnSync(shell, ['-n', path], { encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });
});

it('another shell is exit code 1 with the names of those that there are', async () => {
  const ended = await disburse(['completion', 'tcsh']);
  expect(ended).toMatchObject({ code: 1, stdout: '' });
  expect(ended.stderr).toContain('no completion for "tcsh": expected one of bash, zsh, fish.');
});

describe('disburse docs', () => {
  it('lists every page with its title', async () => {
    const ended = await disburse(['docs'], { GATEWAY_URL: 'nonsense' });
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    const listed = ended.stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split(/ {2,}/));
    expect(listed.map(([name]) => name)).toContain('operations');
    for (const [name = '', title = ''] of listed) expect(page(name).startsWith(`# ${title}\n`)).toBe(true);
  });

  it.each(['results', 'docs/results.md', 'Results'])('prints the page that %s names, byte for byte', async (topic) => {
    expect(await disburse(['docs', topic])).toMatchObject({ code: 0, stderr: '', stdout: page('results') });
  });

  it.each([
    ['result', 'results'],
    ['ops', 'operations'],
    ['confguration', 'configuration'],
    ['../README', ''],
    ['', ''],
  ])('%j is no page: exit code 1 with the nearest names', async (topic, nearest) => {
    const ended = await disburse(['docs', topic]);
    expect(ended).toMatchObject({ code: 1, stdout: '' });
    expect(ended.stderr).toContain(`no page ${JSON.stringify(topic)}. The nearest: ${nearest}`);
  });
});
