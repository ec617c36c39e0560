/** The commands beside `validate` and `run`, and the configuration as it meets them all. */
import { randomUUID } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { appendFileSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { kinds } from '../../batches/instruction/instruction.ts';
import { resultSchema, type ResultEvent } from '../../batches/record/result-event.ts';
import { summarySchema } from '../../batches/record/summary.ts';
import { routeNames, templateCsv } from '../../batches/instruction/templates.ts';
import { disburse, inTemporaryFolder, start, startSandbox } from '../support/cli.ts';
import { csvOf, payouts, row } from '../support/builders.ts';
import { inWorld, until, type World } from './world.ts';

const eventsOf = (stdout: string): ResultEvent[] =>
  stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => resultSchema.parse(JSON.parse(line)));

describe('help and version', () => {
  it.each([['--help'], ['--version'], ['run', '--help'], ['validate', '--help'], ['help', 'tail']])(
    '%s %s need no configuration',
    async (...args) => {
      const ended = await disburse(args, { GATEWAY_URL: 'nonsense', DISPATCH_RATE: 'nonsense' });
      expect(ended.code).toBe(0);
      expect(ended.stderr).toBe('');
      expect(ended.stdout).toMatch(args.includes('--version') ? /^\d+\.\d+\.\d+\n$/ : /Usage: disburse/);
    },
  );

  it.each([
    { args: ['run', 'may.csv', '--data-dirr', 'd'], flag: '--data-dir' },
    { args: ['run', 'may.csv', '--max-amout', 'EUR=1'], flag: '--max-amount' },
    { args: ['tail', '--folow'], flag: '--follow' },
  ])('$args is reported with the flag that was meant', async ({ args, flag }) => {
    const ended = await disburse(args);
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain(`(Did you mean ${flag}?)`);
  });

  it('an unknown command is reported with exit code 1', async () => {
    const ended = await disburse(['pay']);
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain("unknown command 'pay'");
  });
});

describe('keys', () => {
  it('generates a pair with the right modes, and never overwrites another', async () => {
    await inTemporaryFolder(async (folder) => {
      const out = join(folder, 'new', 'keys');
      const made = await disburse(['keys', '--out', out]);
      expect(made.code).toBe(0);
      expect(made.stdout).toBe(`${join(out, 'private.pem')}\n${join(out, 'public.pem')}\n`);
      expect(statSync(join(out, 'private.pem')).mode & 0o777).toBe(0o600);
      const before = readFileSync(join(out, 'private.pem'), 'utf8');
      expect(before).toMatch(/^-----BEGIN PRIVATE KEY-----/);
      expect(readFileSync(join(out, 'public.pem'), 'utf8')).toMatch(/^-----BEGIN PUBLIC KEY-----/);
      expect(made.stdout + made.stderr).not.toContain(before.split('\n')[1]);
      const again = await disburse(['keys', '--out', out, '--json']);
      expect(again.code).toBe(1);
      expect(again.stderr).toContain('already exists and will not be overwritten');
      expect(readFileSync(join(out, 'private.pem'), 'utf8')).toBe(before);
    });
  });

  it('prints the two paths as one object with --json', async () => {
    await inTemporaryFolder(async (folder) => {
      const made = await disburse(['keys', '--out', folder, '--json']);
      expect(JSON.parse(made.stdout)).toEqual({
        private_key_file: join(folder, 'private.pem'),
        public_key_file: join(folder, 'public.pem'),
      });
    });
  });

  it('leaves no part of a key where it cannot be written', async () => {
    await inTemporaryFolder(async (folder) => {
      const cli = join(import.meta.dirname, '..', '..', 'src', 'cli.ts');
      const limited = spawnSync('sh', ['-c', `ulimit -f 0; exec "${process.execPath}" "${cli}" keys --out "${folder}"`], {
        encoding: 'utf8',
      });
      expect(limited.status).toBe(1);
      expect(limited.stderr).toContain(`cannot write ${join(folder, 'private.pem')}`);
      expect(readdirSync(folder)).toEqual([]);
      expect((await disburse(['keys', '--out', folder])).code).toBe(0);
    });
  });

  it('leaves no private key when the public key already exists', async () => {
    await inTemporaryFolder(async (folder) => {
      writeFileSync(join(folder, 'public.pem'), 'another');
      const ended = await disburse(['keys', '--out', folder]);
      expect(ended.code).toBe(1);
      expect(readFileSync(join(folder, 'public.pem'), 'utf8')).toBe('another');
      expect(() => statSync(join(folder, 'private.pem'))).toThrow('ENOENT');
    });
  });
});

describe('template', () => {
  // That the template of each other route is valid holds test/src/files/templates.int.test.ts, without a process for each.
  it.each(kinds)('prints a valid row for a %s, by any of its routes', async (kind) => {
    await inTemporaryFolder(async (folder) => {
      const route = routeNames(kind).at(-1) ?? '';
      const printed = await disburse(['template', '--kind', kind, '--route', route]);
      expect(printed).toMatchObject({ code: 0, stdout: templateCsv(kind, route) });
      const path = join(folder, `${kind}-${route}.csv`);
      writeFileSync(path, printed.stdout);
      const ended = await disburse(['validate', path, '--json'], { DATA_DIR: folder });
      expect(ended.code, `${kind} ${route}: ${ended.stdout}`).toBe(0);
      expect(JSON.parse(ended.stdout)).toMatchObject({ rows: 1, valid: 1, warnings_total: 0 });
    });
  });

  it.each([
    { args: ['--kind', 'gift'], says: 'payout or payment' },
    { args: ['--route', 'moon'], says: 'sepa' },
    { args: ['--kind', 'payment', '--route', 'sepa'], says: 'card, recurrent' },
  ])('$args is refused with the list of possible values', async ({ args, says }) => {
    const ended = await disburse(['template', ...args]);
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain(says);
  });
});

describe('schema', () => {
  it.each(['instruction', 'result', 'summary'])('%s is a JSON Schema', async (name) => {
    const ended = await disburse(['schema', name]);
    expect(ended.code).toBe(0);
    const schema = JSON.parse(ended.stdout) as Record<string, unknown>;
    expect(schema['$schema']).toContain('2020-12');
    expect(JSON.stringify(schema)).toContain('record_id'.slice(0, name === 'summary' ? 0 : undefined));
    expect(schema['properties'] ?? schema['anyOf'] ?? schema['oneOf'] ?? schema['allOf']).toBeTypeOf('object');
  });

  it.each(['toString', 'nothing'])('%s is refused with the list of schemas', async (name) => {
    const ended = await disburse(['schema', name]);
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain('instruction, result, summary');
  });
});

describe('after two runs', () => {
  /** One paid folder for all that only looks. */
  const looking = (work: (world: World, batches: readonly string[]) => Promise<void>): Promise<void> =>
    inWorld({}, async (world) => {
      const first = await world.run(world.write('may.csv', csvOf([...payouts(3), row('bad', { iban: 'x' })])));
      const second = await world.run(world.write('june.csv', csvOf(payouts(1, 'j'))));
      await work(world, [first.summary.batch_id, second.summary.batch_id]);
    });

  it('status shows a batch by its id or the beginning of its id, or all batches', async () => {
    await looking(async (world, [may = '', june = '']) => {
      const one = await world.command(['status', may, '--json']);
      expect(one.code).toBe(0);
      const summary = summarySchema.parse(JSON.parse(one.stdout));
      expect(summary).toMatchObject({ batch_id: may, file: 'may.csv', state: 'finished', received: { count: 4 }, balanced: true });
      const short = await world.command(['status', may.slice(0, 6), '--json']);
      expect(JSON.parse(short.stdout)).toEqual(summary);
      const all = await world.command(['status', '--json']);
      const listed = all.stdout
        .trimEnd()
        .split('\n')
        .map((line) => summarySchema.parse(JSON.parse(line)).batch_id);
      expect(listed.toSorted()).toEqual([may, june].toSorted());
      const text = await world.command(['status', may]);
      expect(text.stdout).toContain('Balanced: every row received is accounted for');
      for (const wanted of ['ffffff', may.slice(0, 5), '']) expect((await world.command(['status', `${wanted}x`])).code).toBe(1);
    });
  });

  it('tail prints all results, or those that match its filters', async () => {
    await looking(async (world, [may = '', june = '']) => {
      const tail = async (...args: string[]): Promise<ResultEvent[]> => {
        const ended = await world.command(['tail', '--json', ...args]);
        expect(ended.code).toBe(0);
        expect(ended.stderr).toBe('');
        return eventsOf(ended.stdout);
      };
      const all = world.events();
      expect(await tail()).toEqual(all);
      expect(await tail('--from', 'now')).toEqual([]);
      expect(await tail('--final')).toEqual(all.filter(({ final }) => final));
      expect(await tail('--status', 'rejected')).toEqual(all.filter(({ status }) => status === 'rejected'));
      expect(await tail('--batch', june)).toEqual(all.filter((event) => event.batch_id === june));
      expect(await tail('--batch', may.slice(0, 8))).toEqual(all.filter((event) => event.batch_id === may));
      expect(await tail('--record', 'p-2')).toEqual(all.filter((event) => event.record_id === 'p-2'));
      const since = all.at(-1)?.occurred_at ?? '';
      expect(await tail('--from', since)).toEqual(all.filter((event) => event.occurred_at >= since));
      expect(await tail('--from', '2999-01-01T00:00:00Z')).toEqual([]);
      expect(await tail('--from', '-1h')).toEqual(all);
      expect(await tail('--from', '-1ms')).toEqual([]);
      expect(await tail('--status', 'rejected,succeeded')).toEqual(all.filter(({ status }) => status !== 'in_progress'));
      expect(await tail('-n', '2')).toEqual(all.slice(-2));
      expect(await tail('--final', '--batch', 'may.csv', '-n', '1')).toEqual(
        all.filter((event) => event.final && event.batch_id === may).slice(-1),
      );
      const text = await world.command(['tail', '--record', 'bad'], { TZ: 'America/New_York' });
      expect(text.stdout).toMatch(/rejected {5}bad .*may\.csv:5 {2}iban/);
      // What it prints is what it reads, in any zone.
      const [printed = ''] = /^\S+ \S+/.exec(text.stdout) ?? [];
      const rejected = all.find(({ status }) => status === 'rejected')?.occurred_at ?? '';
      expect(printed).toBe(`${rejected.slice(0, 19).replace('T', ' ')}Z`);
      const again = await world.command(['tail', '--json', '--from', printed.replace('Z', '')], { TZ: 'America/New_York' });
      expect(eventsOf(again.stdout)).toEqual(all.filter((event) => event.occurred_at >= `${rejected.slice(0, 19)}.000Z`));
      for (const args of [
        ['--from', 'noon'],
        ['--status', 'paid'],
        ['--status', 'failed,paid'],
        ['-n', '0'],
        ['--batch', 'nope.csv'],
        ['--batch', may.slice(0, 5)],
      ])
        expect((await world.command(['tail', ...args])).code).toBe(1);
    });
  });

  it('tail --follow prints results as they come until it is interrupted', async () => {
    await inWorld({}, async (world) => {
      const following = world.begin(['tail', '--follow', '--json', '--final']);
      let seen = '';
      following.child.stdout?.on('data', (chunk) => (seen += String(chunk)));
      await world.run(world.write('may.csv', csvOf(payouts(2))));
      await until('both results', () => seen.split('\n').length === 3);
      following.kill('SIGINT');
      const ended = await following.ended;
      expect(ended.code).toBe(0);
      expect(
        eventsOf(ended.stdout)
          .map(({ record_id }) => record_id)
          .toSorted(),
      ).toEqual(['p-1', 'p-2']);
    });
  });

  it('tail shows how a conflict differs, and what a duplicate was first', async () => {
    await inWorld({}, async (world) => {
      await world.run(world.write('may.csv', csvOf([row('inv-1', { amount: '12.30' }), row('inv-2')])));
      await world.run(world.write('june.csv', csvOf([row('inv-1', { amount: '99.00' }), row('inv-2')])));
      const conflict = await world.command(['tail', '--status', 'conflict']);
      expect(conflict.stdout).toMatch(/differs in amount_details\.amount; first at may\.csv:2, then succeeded/);
      const duplicate = await world.command(['tail', '--status', 'duplicate']);
      expect(duplicate.stdout).toMatch(/first at may\.csv:3, then succeeded/);
    });
  });

  it('tail prints an event with members of a newer version, and exits with 2 when it has to skip one', async () => {
    await inWorld({}, async (world) => {
      await world.run(world.write('may.csv', csvOf(payouts(1))));
      const results = join(world.dataDir, 'results.jsonl');
      const [event] = world.events().slice(-1);
      const newer = { ...event, event_id: randomUUID(), region: 'eu' };
      appendFileSync(results, `${JSON.stringify(newer)}\n`);
      const read = await world.command(['tail', '--json', '-n', '1']);
      expect(read).toMatchObject({ code: 0, stderr: '' });
      expect(JSON.parse(read.stdout)).toEqual(newer);
      appendFileSync(results, `${JSON.stringify({ ...event, event_id: randomUUID(), version: 2 })}\n`);
      const skipped = await world.command(['tail', '--json', '-n', '1']);
      expect(skipped.code).toBe(2);
      expect(JSON.parse(skipped.stdout)).toEqual(newer);
      expect(skipped.stderr).toContain('not a result event that this version reads');
    });
  });

  it.each(['tail', 'status'])('%s in a folder without a ledger says so and exits with 1', async (command) => {
    await inTemporaryFolder(async (folder) => {
      const dataDir = join(folder, 'data');
      const ended = await disburse([command, '--json'], { DATA_DIR: dataDir });
      expect(ended).toMatchObject({ code: 1, stdout: '' });
      expect(ended.stderr).toContain(`there is no ledger in ${dataDir}`);
    });
  });
});

describe('the configuration', () => {
  it('reports all its mistakes together: variable, value, what is expected', async () => {
    await inTemporaryFolder(async (folder) => {
      const path = join(folder, 'may.csv');
      writeFileSync(path, csvOf(payouts(1)));
      const ended = await disburse(['run', path], {
        GATEWAY_URL: 'http://gateway.example',
        DISPATCH_RATE: 'fast',
        GATEWAY_TIMEOUT_MS: '1',
        GATEWAY_KEY_LIFETIME: 'long',
        MAX_AMOUNT: 'EUR',
        LOG_LEVEL: 'loud',
        KAFKA_BROKERS: 'localhost:9092',
      });
      expect(ended.code).toBe(1);
      for (const sentence of [
        'GATEWAY_URL="http://gateway.example": plain http is only allowed to loopback',
        'DISPATCH_RATE="fast": expected calls per second',
        'GATEWAY_TIMEOUT_MS="1": expected a whole number from 100',
        'GATEWAY_KEY_LIFETIME="long": expected a number and ms, s, m, h or d',
        'MAX_AMOUNT="EUR": expected currency and amount pairs',
        'LOG_LEVEL="loud"',
        'GATEWAY_PROJECT is not set',
        'GATEWAY_PRIVATE_KEY_FILE is not set',
        'KAFKA_BROKERS is set but REDIS_URL is not',
      ])
        expect(ended.stderr).toContain(sentence);
    });
  });

  it('is read from flags, then the environment, then .env', async () => {
    await inWorld({}, async (world) => {
      const path = world.write('may.csv', csvOf(payouts(3)));
      world.write('.env', 'MAX_AMOUNT=EUR=1.00\nGATEWAY_PROJECT=from-dotenv\n');
      // .env alone: every row is above it.
      expect((await world.command(['validate', path, '--json'])).stdout).toContain('"invalid":3');
      // The environment before it.
      expect((await world.command(['validate', path, '--json'], { MAX_AMOUNT: 'EUR=1.07' })).stdout).toContain('"invalid":2');
      // A flag before both.
      const flagged = await world.command(['validate', path, '--json', '--max-amount', 'EUR=2.07'], { MAX_AMOUNT: 'EUR=1.07' });
      expect(flagged.stdout).toContain('"invalid":1');
      // An empty variable counts as absent.
      expect((await world.command(['validate', path, '--json'], { MAX_AMOUNT: '' })).stdout).toContain('"invalid":3');
      expect(JSON.stringify(await world.command(['run', path], { GATEWAY_PROJECT: '' }))).not.toContain('is not set');
      expect((await world.command(['run', path, '--gateway-project', 'flagged'])).stderr).toContain('project from-dotenv');
    });
  });

  it('refuses a misspelt variable in .env before anything is sent, naming the nearest one', async () => {
    await inWorld({}, async (world) => {
      const path = world.write('may.csv', csvOf([row('big', { amount: '50000.00' })]));
      world.write('.env', 'MAX_AMOUNTS=EUR=100.00\nDISPATCH_RAET=1\nSOMETHING_ELSE=5\n');
      const ended = await world.command(['run', path, '--json']);
      expect(ended).toMatchObject({ code: 1, stdout: '' });
      expect(ended.stderr).toContain('in .env, MAX_AMOUNTS is not a variable of disburse: did you mean MAX_AMOUNT?');
      expect(ended.stderr).toContain('did you mean DISPATCH_RATE?');
      expect(ended.stderr).not.toContain('SOMETHING_ELSE');
      expect(world.sandbox.payments()).toEqual([]);
      world.write('.env', 'MAX_AMOUNT=EUR=100.00\n');
      expect((await world.run(path)).summary.statuses.rejected.count).toBe(1);
    });
  });

  it('is shown by config with the source of every setting and without secrets', async () => {
    await inTemporaryFolder(async (folder) => {
      writeFileSync(join(folder, '.env'), 'DISPATCH_RATE=7\nFOLLOW_RATE=9\n');
      const env = { FOLLOW_RATE: '8', REDIS_URL: 'redis://:s3cret@127.0.0.1:1', KAFKA_BROKERS: '127.0.0.1:2' };
      const ended = await disburse(['config', '--json', '--max-amount', 'EUR=5'], env, folder);
      expect(ended).toMatchObject({ code: 0, stderr: '' });
      expect(ended.stdout).not.toContain('s3cret');
      const { profile, settings } = JSON.parse(ended.stdout) as {
        profile: string;
        settings: { name: string; value: string; source: string }[];
      };
      expect(profile).toBe('distributed');
      for (const setting of [
        { name: 'MAX_AMOUNT', value: 'EUR=5', source: 'flag' },
        { name: 'FOLLOW_RATE', value: '8', source: 'environment' },
        { name: 'DISPATCH_RATE', value: '7', source: '.env' },
        { name: 'LEDGER_RETENTION', value: '400d', source: 'default' },
        { name: 'GATEWAY_URL', value: null, source: 'unset' },
        { name: 'REDIS_URL', value: '(not shown)', source: 'environment' },
      ])
        expect(settings).toContainEqual(setting);
      expect((await disburse(['config'], env, folder)).stdout).toMatch(/^DISPATCH_RATE +7 +\.env$/m);
    });
  });

  it('causes a warning for a misspelt variable in the environment, and the command continues', async () => {
    await inWorld({}, async (world) => {
      const ended = await world.command(['validate', world.write('may.csv', csvOf(payouts(1))), '--json'], { MAX_AMOUNTS: 'EUR=100.00' });
      expect(ended.code).toBe(0);
      expect(ended.stderr).toContain('in the environment, MAX_AMOUNTS is not a variable of disburse: did you mean MAX_AMOUNT?');
    });
  });

  it('says where it was read from, and that there is no .env', async () => {
    await inTemporaryFolder(async (folder) => {
      const path = join(folder, 'may.csv');
      writeFileSync(path, csvOf(payouts(1)));
      const ended = await disburse(['run', path], {}, folder);
      expect(ended.code).toBe(1);
      expect(ended.stderr).toContain(`.env (not found in ${folder})`);
      expect(ended.stderr).toContain('Copy .env.example there');
    });
  });

  it('warns of a private key that other users can read', async () => {
    await inWorld({}, async (world) => {
      const { chmodSync } = await import('node:fs');
      chmodSync(join(world.folder, 'private.pem'), 0o644);
      const ran = await world.run(world.write('may.csv', csvOf(payouts(1))));
      expect(ran.code).toBe(0);
      expect(ran.stderr).toContain('can be read by other users');
    });
  });

  it('names a private key file that does not exist', async () => {
    await inWorld({}, async (world) => {
      const ended = await world.command(['run', world.write('may.csv', csvOf(payouts(1)))], { GATEWAY_PRIVATE_KEY_FILE: 'none.pem' });
      expect(ended.code).toBe(1);
      expect(ended.stderr).toContain('GATEWAY_PRIVATE_KEY_FILE none.pem: there is no such file');
    });
  });
});

describe('sandbox', () => {
  let folder = '';
  beforeAll(async () => {
    const { mkdtempSync } = await import('node:fs');
    const { tmpdir } = await import('node:os');
    folder = mkdtempSync(join(tmpdir(), 'disburse-test-'));
    await disburse(['keys', '--out', folder]);
    return () => import('node:fs').then(({ rmSync }) => rmSync(folder, { recursive: true }));
  });

  it('pays a file that the command line runs against it', async () => {
    const sandbox = await startSandbox(['--public-key', join(folder, 'public.pem'), '--settle-ms', '20']);
    try {
      const path = join(folder, 'may.csv');
      writeFileSync(path, csvOf(payouts(2)));
      const ended = await disburse(['run', path, '--json'], {
        GATEWAY_URL: sandbox.url,
        GATEWAY_PROJECT: 'shop',
        GATEWAY_PRIVATE_KEY_FILE: join(folder, 'private.pem'),
        DATA_DIR: join(folder, 'data'),
        FOLLOW_INTERVAL_MS: '50',
      });
      expect(ended.code).toBe(0);
      const paid = (await sandbox.payments()).map(({ record_id, entry_status }) => `${record_id} ${entry_status}`);
      expect(paid.toSorted()).toEqual(['p-1 succeeded', 'p-2 succeeded']);
    } finally {
      await sandbox.stop();
    }
  });

  it.each([
    { args: ['--port', '0', '--faults', 'gremlins=1'], says: 'unknown fault "gremlins"' },
    { args: ['--port', '0', '--faults', 'slow=2'], says: 'a rate is a number from 0 to 1' },
    { args: ['--port', 'http'], says: '--port' },
    { args: ['--port', '0', '--settle-ms', 'soon'], says: '--settle-ms' },
    { args: ['--port', '0', '--public-key', 'none.pem'], says: '--public-key none.pem' },
    { args: ['--port', '0', '--webhook-url', 'there'], says: '--webhook-url' },
  ])('$args is refused with a sentence', async ({ args, says }) => {
    const ended = await disburse(['sandbox', ...args]);
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain(says);
  });

  it('takes any free port by default, reports one that is in use, and exits with 0 on SIGTERM', async () => {
    const running = start(['sandbox']);
    let url = '';
    running.child.stdout?.on('data', (chunk) => (url += String(chunk)));
    await until('its URL', () => url.includes('\n'));
    const second = await disburse(['sandbox', '--port', new URL(url.trim()).port]);
    expect(second.code).toBe(1);
    expect(second.stderr).toContain('is in use');
    running.kill('SIGTERM');
    expect((await running.ended).code).toBe(0);
  });
});
