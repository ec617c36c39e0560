/** After `run` and `serve` met every fault, everything that they wrote and printed is searched for everything secret that went in. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createSign } from 'node:crypto';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { csvOf } from '../support/builders.ts';
import { freePort } from '../support/free-port.ts';
import { withConsole } from '../src/console/world.ts';
import { openOtlpReceiver } from '../support/otlp-receiver.ts';
import { cards, expectNothing, filesOf, ibans, names, redisSecret, rowsOf, secrets, type Place } from './secret-search.ts';
import { consolePlaces } from './console-search.ts';
import { inWorld, otherPair, ourPair, until, type World } from './world.ts';

const faults = 'lost-answer=0.3,refuse=0.2,http-500=0.2,wrong-amount=0.2,repeat-webhook=0.3';

/** After an upload of the same rows, whose review shows each that cannot be paid. */
async function pagesOf(world: World): Promise<readonly Place[]> {
  const typed = [...cards, ...ibans].flatMap((text) => [`/records/${text}`, `/batches/${text}`, `/upload/${text}`, `/none/${text}`]);
  const places: Place[] = [];
  const roles = { CONSOLE_ROLES: 'alice=operator,bob=approver,vic=viewer' };
  await withConsole(
    world,
    async ({ browser, as }) => {
      for (const [name, content] of [
        ['july.csv', csvOf(rowsOf('u'))],
        [`${cards[0]}.csv`, `record_id,amount,currency,iban\na,1.00,EUR,"${ibans[0]}`],
      ] as const) {
        const got = await browser.upload({ name, content });
        places.push({ name: `the answer ${got.status} to an upload`, bytes: Buffer.from(`${JSON.stringify(got.headers)}\n${got.text}`) });
      }
      const filters = ['/records?status=succeeded,failed,rejected,unknown,cancelled,in_progress,queued', ...typed];
      const seen = await consolePlaces(browser, 'operator', filters);
      // What only an operator gets is refused to others, although no link leads them there.
      const fixFiles = seen.flatMap(({ name }) => /^text\/html of operator: 200 (\S+\/errors\.csv)$/.exec(name)?.[1] ?? []);
      places.push(...seen);
      places.push(...(await consolePlaces(await as('bob'), 'approver', [...filters, ...fixFiles])));
      places.push(...(await consolePlaces(await as('vic'), 'viewer', [...filters, ...fixFiles])));
    },
    roles,
  );
  return places;
}

describe.concurrent('what went in', () => {
  it('is in no output and no file of run after faults, a kill and a wrong key, but where a person needs it', async ({
    expect: expectHere,
  }) => {
    const collector = await openOtlpReceiver();
    const trace = { LOG_LEVEL: 'trace', OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
    await inWorld({ faults, seed: 12 }, async (world) => {
      const places: Place[] = [];
      const tell = async (name: string, args: readonly string[], env: Record<string, string> = {}): Promise<void> => {
        const { stdout, stderr } = await world.command(args, env);
        places.push({ name: `stdout of ${name}`, bytes: Buffer.from(stdout) }, { name: `stderr of ${name}`, bytes: Buffer.from(stderr) });
      };
      const may = world.write('may.csv', csvOf(rowsOf('m')));
      await tell('validate', ['validate', may, '--errors', join(world.folder, 'fix.errors.csv')]);
      await tell('validate --json', ['validate', may, '--json']);
      await tell('a wrong key', ['run', may], { ...trace, GATEWAY_PRIVATE_KEY_FILE: world.write('other.pem', otherPair.privateKey) });
      await tell('a key as text', ['run', may], { GATEWAY_PRIVATE_KEY_FILE: ourPair.privateKey });
      await tell('a bad URL', ['run', may], { REDIS_URL: `redis://:${redisSecret}@[`, KAFKA_BROKERS: 'x' });

      const killed = world.begin(['run', may], trace);
      await until('some sessions', () => world.sandbox.payments().length > 3);
      killed.kill('SIGKILL');
      await killed.ended;
      const afterKill = filesOf(world);
      expectHere(afterKill.some(({ name }) => name.endsWith('ledger.sqlite-wal'))).toBe(true);
      expectNothing(afterKill);

      await tell('run', ['run', may, '--wait', '10s', '--results', join(world.folder, 'out.results.csv')], trace);
      await tell(
        'run --json',
        ['run', world.write('june.csv', csvOf([...rowsOf('m').toReversed(), ...rowsOf('j')])), '--wait', '10s', '--json'],
        trace,
      );
      for (const args of [
        ['tail'],
        ['tail', '--json'],
        ['status'],
        ['status', '--json'],
        ['records', '--json'],
        ['unknowns'],
        ['config'],
        ['config', '--json'],
      ])
        await tell(args.join(' '), args, { ...trace, REDIS_URL: '', KAFKA_BROKERS: '' });
      places.push(...filesOf(world), { name: 'the traces', bytes: Buffer.from(collector.bodies.join('\n')) });
      expectHere(collector.spans().length).toBeGreaterThan(50);
      const seen = places.map(({ name }) => name);
      for (const name of ['data/ledger.sqlite', 'data/results.jsonl', 'data/alerts.jsonl', 'out.results.csv'])
        expectHere(seen).toContain(name);
      expectNothing(places);

      const pages = await pagesOf(world);
      const asked = pages.map(({ name }) => name);
      for (const path of ['/records/m-iban-0-0', '/system', '/upload', '/approvals', '/alerts', '/records?'])
        for (const role of ['viewer', 'operator', 'approver'])
          expectHere(asked.some((name) => name.startsWith(`text/html of ${role}: 200 ${path}`), `${role} ${path}`)).toBe(true);
      for (const end of ['results.csv', 'errors.csv'])
        expectHere(asked.some((name) => name.startsWith('text/html of operator: 200 /') && name.endsWith(`/${end}`), end)).toBe(true);
      const refused = asked.filter((name) => /^text\/html of (?:viewer|approver): 403 \S+\/errors\.csv$/.test(name));
      expectHere(refused.length).toBeGreaterThanOrEqual(4);
      expectNothing(pages);

      // What was looked for was in reach: the masks are there, and the rows of the fix-file are as they were.
      const destinations = new Set(world.events().map(({ destination }) => destination));
      for (const mask of ['DE**…3000', 'GB**…6819', '555534…1115', '…5544']) expectHere([...destinations]).toContain(mask);
      expectHere(readFileSync(join(world.folder, 'fix.errors.csv'), 'utf8')).toContain(`${ibans[0]}9`);
    });
    await collector.close();
  });

  it('is in no log, page, answer or file of serve with a drop folder and webhooks', async ({ expect: expectHere }) => {
    const port = await freePort();
    const webhookUrl = `http://127.0.0.1:${port}/webhooks/smart-glocal`;
    const collector = await openOtlpReceiver();
    await inWorld({ faults, seed: 13, webhookUrl, privateKeyPem: otherPair.privateKey }, async (world) => {
      const inbox = join(world.folder, 'inbox');
      mkdirSync(inbox);
      const env = {
        LOG_LEVEL: 'trace',
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        HTTP_PORT: String(port),
        INBOX_DIR: inbox,
        INBOX_REST: '200ms',
        GATEWAY_PUBLIC_KEY_FILE: world.write('gateway.pub', otherPair.publicKey),
      };
      const serving = world.begin(['serve'], env);
      const places: Place[] = [];
      try {
        await until('serving', () => serving.stderr().includes('"serving"'));
        writeFileSync(join(inbox, 'may.csv'), csvOf(rowsOf('m')));
        writeFileSync(join(inbox, 'broken.csv'), `record_id,amount,currency,iban\na,1.00,EUR,"${ibans[0]}`);
        const body = JSON.stringify({ type: 'payment_finished', note: `${cards[0]} ${names[0]}`, session: { id: ibans[0], status: 5 } });
        const sign = createSign('sha256').update(body).sign(otherPair.privateKey, 'base64');
        for (const headers of [{}, { 'X-PARTNER-SIGN': sign }]) {
          const answer = await fetch(webhookUrl, { method: 'POST', body, headers });
          places.push({ name: `the answer ${answer.status} to a webhook`, bytes: Buffer.from(await answer.arrayBuffer()) });
        }
        await until('the answers', () =>
          ['may', 'broken'].every((name) =>
            readdirSync(inbox, { recursive: true }).some((path) => String(path).includes(`${name}.csv.ack.json`)),
          ),
        );
        await until('some sessions', () => world.sandbox.payments().length > 5);
        for (const page of ['metrics', 'livez', 'readyz', `unknown/${cards[0]}`]) {
          const answer = await fetch(`http://127.0.0.1:${port}/${page}`);
          places.push({ name: page.slice(0, 7), bytes: Buffer.from(await answer.arrayBuffer()) });
        }
      } finally {
        serving.kill('SIGTERM');
      }
      const { stderr, stdout } = await serving.ended;
      places.push({ name: 'the log', bytes: Buffer.from(stderr) }, { name: 'stdout', bytes: Buffer.from(stdout) }, ...filesOf(world));
      expectHere(stderr.length).toBeGreaterThan(1_000);
      expectHere(collector.spans().length).toBeGreaterThan(20);
      places.push({ name: 'the traces', bytes: Buffer.from(collector.bodies.join('\n')) });
      expectNothing(places);
    });
    await collector.close();
  });
});

it('is found by the search as it is, in UTF-16, and inside base64 at any place', () => {
  for (const { text } of secrets) {
    const hidden = [Buffer.from(`a ${text} b`), Buffer.from(`a ${text} b`, 'utf16le')];
    const packed = [0, 1, 2].map((before) => Buffer.from(Buffer.from(`${'x'.repeat(before)}${text}yz`).toString('base64')));
    for (const bytes of [...hidden, ...packed]) expect(() => expectNothing([{ name: 'a log', bytes }]), text).toThrow('in a log');
  }
});
