/** Runs the blocks of shell of a part of a page in their order, and compares exit codes and outputs with the page. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { start, type Ended, type Running } from '../support/cli.ts';
import { freePort } from '../support/free-port.ts';
import { page, root } from './pages.ts';

interface Block {
  readonly language: string;
  readonly lines: readonly string[];
}

const blocksOf = (text: string): readonly Block[] =>
  [...text.matchAll(/^```(\w+)\n([^]*?)^```$/gm)].map(([, language = '', body = '']) => ({
    language,
    lines: body.trimEnd().split('\n'),
  }));

/** The text under a heading, up to the next heading of its level or above. */
function section(text: string, heading: string): string {
  const from = text.indexOf(`\n${heading}\n`);
  if (from === -1) throw new Error(`the page has no heading ${heading}`);
  const rest = text.slice(from + heading.length + 2);
  const level = /^#+/.exec(heading)?.[0].length ?? 0;
  const end = rest.search(new RegExp(`^#{1,${level}} `, 'm'));
  return end === -1 ? rest : rest.slice(0, end);
}

const tour = section(page('docs/operations.md'), "## Operator's tour");

/** The sections of the operator's tour. */
export const titles: readonly string[] = [...tour.matchAll(/^### (.+)$/gm)].map(([, title = '']) => title);
/** Those that need Kafka and Redis. */
export const onServers = ['Redis lost its data', 'From stand-alone to distributed'];

/** The blocks that come before each section, and those of the section. */
export const blocksOfSection = (title: string): readonly Block[] => [
  ...blocksOf(tour.slice(0, tour.indexOf('\n### '))),
  ...blocksOf(section(tour, `### ${title}`)),
];

/** The lines of a block as commands; a here-document belongs to its command. */
export function commandsOf(lines: readonly string[]): readonly string[] {
  const commands: string[] = [];
  let until: string | undefined;
  for (const line of lines) {
    if (until === undefined) commands.push(line);
    else commands.push(`${commands.pop() ?? ''}\n${line}`);
    if (until === undefined) until = /<<'(\w+)'/.exec(line)?.[1];
    else if (line === until) until = undefined;
  }
  return commands;
}

const spaces = /\s+/g;
const oneSpaced = (text: string): string => text.replaceAll(spaces, ' ').trim();

/** A line of an output on the page; `…` is any text. */
const matches = (shown: string): RegExp => {
  const parts = oneSpaced(shown).split('…');
  return new RegExp(`^${parts.map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('.*')}$`);
};

/** The lines of the page that the output has not, in the order of the page. */
export function missingLines(shown: readonly string[], output: string): readonly string[] {
  const lines = output.split('\n').map(oneSpaced);
  let from = 0;
  return shown.filter((line) => {
    const found = lines.findIndex((candidate, index) => index >= from && matches(line).test(candidate));
    if (found !== -1) from = found + 1;
    return found === -1;
  });
}

/** Makes `disburse` the checkout. */
async function makeShim(folder: string): Promise<void> {
  await mkdir(folder);
  await writeFile(join(folder, 'disburse'), `#!/bin/sh\nexec "${process.execPath}" "${join(root, 'src', 'cli.ts')}" "$@"\n`);
  await chmod(join(folder, 'disburse'), 0o755);
}

const shell = async (script: string, cwd: string, env: Readonly<Record<string, string>>): Promise<Ended> => {
  const child = spawn('/bin/sh', ['-c', script], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return { code, signal, stdout, stderr };
};

export interface TourOptions {
  readonly folder: string;
  /** Variables beside those of the page. */
  readonly env?: Readonly<Record<string, string>>;
  /** Programs of the page that the test carries out itself. */
  readonly programs?: Readonly<Record<string, (args: string) => Promise<void>>>;
  /** Texts of the page that are others here, such as addresses. */
  readonly replace?: Readonly<Record<string, string>>;
}

/** Servers of the page, which run until the end or until they are started again. */
class Servers {
  readonly #running = new Map<string, Running>();
  readonly #folder: string;
  readonly #env: Readonly<Record<string, string>>;

  constructor(folder: string, env: Readonly<Record<string, string>>) {
    this.#folder = folder;
    this.#env = env;
  }

  async start(command: string): Promise<void> {
    const [, name = '', ...rest] = command.split(' ');
    await this.stop(name);
    const running = start([name, ...rest], this.#env, this.#folder);
    this.#running.set(name, running);
    const ready = () => (name === 'serve' ? /"url":"http/.test(running.stderr()) : false);
    const served = new Promise<void>((resolve) => {
      running.child.stdout?.once('data', () => resolve());
      running.child.stderr?.on('data', () => ready() && resolve());
    });
    await Promise.race([
      served,
      running.ended.then(({ code, stderr }) => Promise.reject(new Error(`${command} ended with ${code}: ${stderr}`))),
    ]);
  }

  async stop(name: string): Promise<void> {
    const running = this.#running.get(name);
    this.#running.delete(name);
    running?.kill('SIGTERM');
    await running?.ended;
  }

  async stopAll(): Promise<void> {
    await Promise.all([...this.#running.keys()].map((name) => this.stop(name)));
  }
}

const isServer = (command: string): boolean => /^disburse (?:sandbox|serve)\b/.test(command);
/** Before these the page says that every instance is stopped. */
const needsNoInstance = (command: string): boolean => /^disburse (?:rebuild|ledger export|ledger import)\b/.test(command);
const isAssignment = (command: string): boolean => /^\w+=\S*\$\(.*\)\S*$/.test(command);

/** Runs blocks in a folder of their own. Ports 4010 and 4011 of the page are free ones here. */
export async function runTour(blocks: readonly Block[], options: TourOptions): Promise<void> {
  const { folder, env = {}, programs = {}, replace = {} } = options;
  const ports = { '4010': String(await freePort()), '4011': String(await freePort()) };
  const here = (text: string): string =>
    Object.entries({ ...ports, ...replace }).reduce((changed, [from, to]) => changed.replaceAll(from, to), text);
  const bin = join(folder, '.bin');
  await makeShim(bin);
  const variables = { PATH: `${bin}:${process.env['PATH']}`, HOME: folder, NO_COLOR: '1', ...env };
  const servers = new Servers(folder, env);
  let prelude = '';
  let output = '';
  try {
    for (const { language, lines } of blocks) {
      if (language === 'text') {
        expect(missingLines(lines.map(here), output), output).toEqual([]);
        continue;
      }
      expect(language).toBe('sh');
      output = '';
      for (const command of commandsOf(lines)) {
        if (needsNoInstance(command)) await servers.stop('serve');
        const [program = '', ...args] = command.split(' ');
        if (isServer(command)) await servers.start(here(command));
        else if (Object.hasOwn(programs, program)) await programs[program]?.(args.join(' '));
        else {
          const [, wanted = '0'] = / # exit (\d)$/.exec(command) ?? [];
          const { code, stdout, stderr } = await shell(`${prelude}${here(command)}`, folder, variables);
          expect(code, `${command}\n${stdout}\n${stderr}`).toBe(Number(wanted));
          output += `${stdout}\n${stderr}\n`;
          if (isAssignment(command)) prelude += `${command}\n`;
        }
      }
    }
  } finally {
    await servers.stopAll();
  }
}
