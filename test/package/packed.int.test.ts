/**
 * The package as its users install it: packed, unpacked into another folder beside its dependencies, and run there. Older
 * versions of Node get a sentence and touch nothing.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKeyDerivation } from '../../batches/record/idempotency-key.ts';
import { manPage } from '../../src/command-line/man-page.ts';
import { csvOf, payouts } from '../support/builders.ts';
import { inWorld } from '../e2e/world.ts';

const root = join(import.meta.dirname, '..', '..');
const folder = mkdtempSync(join(tmpdir(), 'disburse-package-'));
const installed = join(folder, 'elsewhere', 'node_modules', 'disburse');
const cli = join(installed, 'dist', 'src', 'cli.js');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  readonly engines: { readonly node: string };
  readonly dependencies: Readonly<Record<string, string>>;
};

/** Every file of the unpacked package. */
const files = (): string[] =>
  readdirSync(installed, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(installed.length + 1));

beforeAll(() => {
  // Built and packed from a copy, so that the checkout's own build is left alone.
  const copy = join(folder, 'checkout');
  mkdirSync(copy);
  const taken = ['batches', 'consumers', 'producers', 'sandbox', 'src', 'scripts', 'docs', 'examples', 'package.json', '.env.example'];
  for (const name of [...taken, 'README.md', 'LICENSE', 'tsconfig.json', 'tsconfig.build.json'])
    cpSync(join(root, name), join(copy, name), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  const env = { ...process.env, npm_config_update_notifier: 'false' };
  const packed = execFileSync('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: copy, env, encoding: 'utf8' });
  mkdirSync(installed, { recursive: true });
  const tarball = join(folder, packed.trim().split('\n').at(-1) ?? '');
  execFileSync('tar', ['-xzf', tarball, '-C', installed, '--strip-components', '1']);
  // As npm would install them, without a registry.
  for (const name of Object.keys(manifest.dependencies)) {
    const place = join(installed, '..', name);
    mkdirSync(dirname(place), { recursive: true });
    symlinkSync(join(root, 'node_modules', name), place);
  }
}, 180_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the package', () => {
  it('has the program, its scripts for Redis and its pages, and no source maps and no tests', () => {
    const names = files();
    expect(names).toEqual(expect.arrayContaining(['dist/src/cli.js', 'dist/src/events.d.ts', '.env.example', 'docs/configuration.md']));
    expect(names.some((name) => name.endsWith('.lua'))).toBe(true);
    for (const name of ['console.css', 'console.js', 'icon.svg']) expect(names).toContain(`dist/src/console/assets/${name}`);
    expect(names.filter((name) => name.endsWith('.map') || name.startsWith('test'))).toEqual([]);
    for (const name of names.filter((one) => one.endsWith('.js')))
      expect(readFileSync(join(installed, name), 'utf8')).not.toContain('sourceMappingURL');
  });

  it('has the manual page that its package.json names', () => {
    const { man } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as { readonly man: string };
    expect(readFileSync(join(installed, man), 'utf8')).toBe(manPage());
  });

  it('has the documentation as a site', () => {
    expect(files()).toEqual(expect.arrayContaining(['dist/site/index.html', 'dist/site/operations.html', 'dist/site/search.json']));
  });

  it('has nothing else: no sources, no settings, no keys, no data and no dependencies', () => {
    const kinds = [
      /^dist\/(?:batches|consumers|producers|sandbox|src)\/[a-z0-9/-]+\.(?:js|d\.ts|lua)$/,
      /^dist\/src\/console\/assets\/(?:console\.(?:css|js)|icon\.svg)$/,
      /^docs\/[a-z0-9/-]+\.md$/,
      /^docs\/screenshots\/[a-z0-9-]+\.png$/,
      /^examples\/[a-z0-9/-]+\.(?:ts|csv)$/,
      /^dist\/schemas\/[a-z]+\.json$/,
      /^dist\/man\/disburse\.1$/,
      /^dist\/site\/[a-z0-9/_-]+\.(?:html|css|js|json)$/,
      /^dist\/site\/files\/[a-z0-9/._-]+$/,
      /^docs\/asyncapi\.yaml$/,
      /^examples\/clients\/(?:go\/(?:main\.go|go\.(?:mod|sum))|java\/\w+\.java|python\/(?:\w+\.py|requirements\.txt))$/,
      /^(?:package\.json|README\.md|LICENSE|\.env\.example)$/,
    ];
    expect(files().filter((name) => !kinds.some((kind) => kind.test(name)))).toEqual([]);
  });

  it('pays a file', async () => {
    await inWorld({}, async (world) => {
      const path = world.write('may.csv', csvOf(payouts(2)));
      const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], ...world.env };
      const { promise, resolve } = Promise.withResolvers<number | null>();
      const { spawn } = await import('node:child_process');
      spawn(process.execPath, [cli, 'run', path, '--json'], { cwd: world.folder, env, stdio: 'ignore' }).once('close', resolve);
      expect(await promise).toBe(0);
      expect(world.sandbox.payments().map(({ entry_status: status }) => status)).toEqual(['succeeded', 'succeeded']);
    });
  });
});

describe('disburse/events', () => {
  const program = `
    import { eventId, idempotencyKey, instructionSchema, readResultEvent, resultSchema, summarySchema } from 'disburse/events';
    import type { ResultEvent, Summary } from 'disburse/events';

    const key: string = idempotencyKey('shop', 'payout', 'inv-1');
    const id: string = eventId('shop', { place: 'file:aa:2', attempt: 1, status: 'succeeded', sequence: 3 });
    const result: ResultEvent | undefined = readResultEvent('{}');
    const parsed: { readonly success: boolean } = resultSchema.safeParse(JSON.parse('{}'));
    const summary: Summary | undefined = summarySchema.safeParse({}).data;
    const instruction = instructionSchema.safeParse({});
    console.log(JSON.stringify({ key, id, nothing: result === undefined && !parsed.success && summary === undefined && !instruction.success }));
  `;

  it('exports schemas, keys and ids, with types that a strict compiler accepts', () => {
    const elsewhere = join(folder, 'elsewhere');
    writeFileSync(join(elsewhere, 'package.json'), '{"type":"module"}');
    writeFileSync(join(elsewhere, 'program.ts'), program);
    symlinkSync(join(root, 'node_modules', '@types'), join(elsewhere, 'node_modules', '@types'));
    const options = ['--strict', '--module', 'nodenext', '--target', 'es2024', '--types', 'node', '--outDir', 'out'];
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    const compiled = spawnSync(process.execPath, [tsc, ...options, 'program.ts'], { cwd: elsewhere, encoding: 'utf8' });
    expect(compiled.stdout).toBe('');
    const ran = spawnSync(process.execPath, [join('out', 'program.js')], { cwd: elsewhere, encoding: 'utf8' });
    const keys = createKeyDerivation('shop');
    expect(JSON.parse(ran.stdout)).toEqual({
      key: keys.idempotencyKey('payout', 'inv-1', 1),
      id: keys.eventId({ place: 'file:aa:2', attempt: 1, status: 'succeeded', sequence: 3 }),
      nothing: true,
    });
  });

  it.each(['instruction', 'result', 'summary', 'alert'])('has the JSON Schema of %s as a file, under an id with its version', (name) => {
    const elsewhere = join(folder, 'elsewhere');
    const program = `console.log(JSON.stringify((await import('disburse/schemas/${name}.json', { with: { type: 'json' } })).default))`;
    const ran = spawnSync(process.execPath, ['--input-type=module', '-e', program], { cwd: elsewhere, encoding: 'utf8' });
    expect(JSON.parse(ran.stdout)).toMatchObject({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      $id: `urn:disburse:schema:${name}:1`,
    });
  });
});

/** Programs named node on the PATH, and those that OLD_NODES names, whose version is below the least. */
function olderNodes(): readonly { readonly path: string; readonly version: string }[] {
  const least = Number(/\d+/.exec(manifest.engines.node)?.[0]);
  const onPath = (process.env['PATH'] ?? '').split(delimiter).map((dir) => join(dir, 'node'));
  const named = (process.env['OLD_NODES'] ?? '').split(delimiter).filter((path) => path !== '');
  const found = [...new Set([...onPath, ...named])]
    .filter((path) => existsSync(path))
    .map((path) => {
      return { path, version: spawnSync(path, ['--version'], { encoding: 'utf8' }).stdout.trim() };
    });
  return found.filter(({ version }) => Number(/\d+/.exec(version)?.[0]) < least);
}

describe('on the version of Node that engines names', () => {
  it('is tested', () => {
    expect(manifest.engines.node).toBe('>=24');
    expect(Number(process.versions.node.split('.')[0])).toBeGreaterThanOrEqual(24);
  });
});

describe.each(olderNodes())('on Node $version', ({ path, version }) => {
  const runOld = (args: readonly string[]) => {
    const dataDir = join(folder, `data-${version}`);
    const env = { PATH: process.env['PATH'], HOME: folder, DATA_DIR: dataDir, GATEWAY_URL: 'http://127.0.0.1:9' };
    return { ...spawnSync(path, [cli, ...args], { cwd: folder, env, encoding: 'utf8' }), touched: existsSync(dataDir) };
  };

  it.each([['--version'], ['--help'], ['run', '--help'], ['help', 'tail']])('%s %s works', (...args) => {
    expect(runOld(args)).toMatchObject({ status: 0, stderr: '', touched: false });
  });

  it.each([['status'], ['template'], ['run', 'may.csv'], ['run', 'may.csv', '--encoding', '--help'], ['keys', '--out', 'keys']])(
    '%s %s %s %s exits with 1 and one sentence, and touches nothing',
    (...args) => {
      const ended = runOld(args.filter((arg) => arg !== undefined));
      expect(ended).toMatchObject({ status: 1, stdout: '', touched: false });
      expect(ended.stderr).toMatch(/^disburse: disburse needs Node 24 or later, and this is Node [\d.]+\. Nothing was done\.\n$/);
      expect(existsSync(join(folder, 'keys'))).toBe(false);
    },
  );
});
