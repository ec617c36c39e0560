/**
 * The tour of the README, word for word: its blocks of shell are run in an empty folder, in their order, by a shell
 * whose `npx disburse` is this checkout. Only the sandbox's port is another one.
 */
import { spawn } from 'node:child_process';
import { chmod, copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { disburse, inTemporaryFolder, start, type Ended, type Payment } from '../support/cli.ts';
import { names, page, root } from './pages.ts';

const readme = page('README.md');
const tour = readme.slice(readme.indexOf('## A five-minute tour'), readme.indexOf('## Commands'));
const blocks = [...tour.matchAll(/^```sh\n([^]*?)^```$/gm)].map(([, block = '']) => block);

const toursUrl = 'http://127.0.0.1:4010';

/** Blocks that end with another code than 0, by a command in them. */
const expectedCodes: readonly (readonly [command: string, code: number])[] = [
  ['disburse validate payouts.csv', 2],
  ['disburse run payouts.csv', 2],
];

const shimNpx = (cli: string): string => `#!/bin/sh
[ "$1" = disburse ] || { echo "only disburse is known here" >&2; exit 99; }
shift
exec "${process.execPath}" "${cli}" "$@"
`;
const shimCurl = `#!/bin/sh
exec "${process.execPath}" -e 'fetch(process.argv.at(-1)).then((answer) => answer.text()).then((text) => process.stdout.write(text))' -- "$@"
`;

async function makeShims(folder: string): Promise<void> {
  await mkdir(folder);
  for (const [name, text] of [
    ['npx', shimNpx(join(root, 'src', 'cli.ts'))],
    ['curl', shimCurl],
  ] as const) {
    await writeFile(join(folder, name), text);
    await chmod(join(folder, name), 0o755);
  }
}

const shell = (script: string, cwd: string, bin: string): Promise<Ended> =>
  new Promise((resolve, reject) => {
    const child = spawn('/bin/sh', ['-c', script], {
      cwd,
      env: { PATH: `${bin}:${process.env['PATH']}`, HOME: cwd, NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });

interface Background {
  readonly url: string;
  readonly stop: () => Promise<unknown>;
}

/** Starts the sandbox with the options that stand in the tour, on a free port. */
async function startInBackground(args: string, folder: string): Promise<Background> {
  const running = start(args.replace('--port 4010', '--port 0').split(' '), {}, folder);
  const lines = createInterface({ input: running.child.stdout as NodeJS.ReadableStream });
  const url = await Promise.race([
    new Promise<string>((resolve) => lines.once('line', resolve)),
    running.ended.then((end) => Promise.reject(new Error(`the sandbox ended with ${end.code}: ${end.stderr}`))),
  ]);
  return {
    url,
    stop: () => {
      running.kill('SIGTERM');
      return running.ended;
    },
  };
}

const sandboxOf = (block: string): string | undefined => /^npx disburse (sandbox .*)$/m.exec(block)?.[1];

it('the tour works as it is written', async () => {
  expect(blocks.map(sandboxOf).filter((args) => args !== undefined)).toEqual(['sandbox --port 4010 --public-key keys/public.pem']);
  await inTemporaryFolder(async (folder) => {
    const bin = join(folder, 'bin');
    await makeShims(bin);
    await copyFile(join(root, '.env.example'), join(folder, '.env.example'));
    let sandbox: Background | undefined;
    let last = '';
    try {
      for (const block of blocks) {
        const args = sandboxOf(block);
        if (args !== undefined) {
          sandbox = await startInBackground(args, folder);
          continue;
        }
        const url = sandbox?.url ?? '';
        const { code, stdout, stderr } = await shell(block.replaceAll(toursUrl, url), folder, bin);
        const [, wanted] = expectedCodes.find(([command]) => block.includes(command)) ?? ['', 0];
        expect({ block, stdout, stderr, code }).toMatchObject({ code: wanted });
        last = stdout;
        if (!block.includes('.env.example')) continue;
        const settings = await readFile(join(folder, '.env'), 'utf8');
        await writeFile(join(folder, '.env'), settings.replace(toursUrl, url));
      }
      const payments = last
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Payment)
        .map((payment) => `${payment.record_id} ${payment.amount} ${payment.entry_status}`);
      expect(payments.toSorted()).toEqual(['inv-1 5000 succeeded', 'inv-2 2050 succeeded', 'inv-3 100000 succeeded']);
      expect(await readFile(join(folder, 'results.csv'), 'utf8')).toContain('inv-3,payout,succeeded,1000.00,USD');
      expect((await disburse(['status'], {}, folder)).stdout).toMatch(/payouts\.csv +finished +3 +0 +0 +0 +2 +EUR 20\.50, USD 50\.00 +yes/);
    } finally {
      await sandbox?.stop();
    }
  });
});

const helpOf = async (...args: readonly string[]): Promise<string> => (await disburse([...args, '--help'])).stdout;

const commands = [
  'validate',
  'run',
  'serve',
  'console',
  'status',
  'records',
  'unknowns',
  'explain',
  'retry',
  'resolve',
  'pause',
  'resume',
  'cancel',
  'approve',
  'refuse',
  'gates',
  'capture',
  'alerts',
  'balance',
  'reconcile',
  'topics',
  'dead-letters',
  'rebuild',
  'tail',
  'results',
  'ledger',
  'config',
  'keys',
  'template',
  'map',
  'schema',
  'sandbox',
  'completion',
  'docs',
];

it('the commands are those that --help lists', async () => {
  const help = await helpOf();
  const listed = [...help.slice(help.indexOf('Commands:')).matchAll(/^ {2}([a-z-]+)(?: |$)/gm)].map(([, name]) => name);
  expect(listed).toEqual([...commands, 'help']);
});

it.each(commands)('%s is in the README and in docs with each of its options', async (command) => {
  const table = readme.slice(readme.indexOf('## Commands'), readme.indexOf('## Exit codes'));
  const pages = `${page('docs/configuration.md')}\n${page('docs/sandbox.md')}`;
  const row = table.split('\n').find((line) => line.startsWith(`| \`${command}`)) ?? '';
  const options = [...(await helpOf(command)).matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gm)]
    .map(([, name = '']) => name)
    .filter((name) => name !== '--help');
  expect(row).not.toBe('');
  expect(names(pages, command) || pages.includes(`### ${command}`)).toBe(true);
  expect(options.filter((option) => !names(row, option))).toEqual([]);
  expect(options.filter((option) => !pages.includes(`\`${option}`) && !pages.includes(` ${option} `))).toEqual([]);
});

it('the demo and the test of the first lines are scripts of the package', () => {
  const { scripts } = JSON.parse(page('package.json')) as { readonly scripts: Readonly<Record<string, string>> };
  expect(readme).toContain('npm ci && npm run demo');
  expect(readme).toContain('npm ci && npm test');
  expect(scripts['demo']).toBeDefined();
  expect(scripts['test']).toBeDefined();
});
