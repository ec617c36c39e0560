/** After `run` and `serve` met every fault, everything that they wrote and printed is searched for everything secret that went in. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createSign } from 'node:crypto';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { csvOf, row, type Row } from '../support/builders.ts';
import { freePort } from '../support/free-port.ts';
import { inWorld, otherPair, ourPair, until, type World } from './world.ts';

/** Each is found nowhere by chance. */
const cards = ['5555341244441115', '4917610000000000', '378282246310005'];
const spacedCard = '5555 3412 4444 1115';
const codes = ['739158', '8402657'];
const ibans = ['DE89370400440532013000', 'GB29NWBK60161331926819'];
const spacedIban = 'DE89 3704 0044 0532 0130 00';
const account = '000998877665544';
const names = ['Quirkenstein', 'Wobblethwaite'];
const redisSecret = 's3cret-in-the-url';
const keyTexts = [ourPair, otherPair].flatMap(({ privateKey }) => privateKey.split('\n').filter((line) => line.length > 40));

/**
 * What may show what: the fix-file and the file that was dropped hold rows as they were, so that a person can correct
 * them. Neither card numbers nor security codes are shown in a fix-file; a dropped file is the payer's own.
 */
const mayShow: readonly { readonly where: RegExp; readonly what: readonly string[] }[] = [
  { where: /\.errors\.csv$/, what: ['iban', 'name', 'account'] },
  { where: /^inbox\/(?:done|processing|refused)\/[^/]+(?<!\.(?:errors|results))\.csv$/, what: ['card', 'code', 'iban', 'name', 'account'] },
  { where: /^(?:private|other|gateway-\d)\.pem$/, what: ['key'] },
  { where: /^(?:may|june)\.csv$/, what: ['card', 'code', 'iban', 'name', 'account'] },
];

/** As it is, and as base64 at each of the three places in a group, and in UTF-16. */
function formsOf(text: string): readonly Buffer[] {
  const base64 = [0, 1, 2].map((before) => {
    const whole = Buffer.from(`${' '.repeat(before)}${text}`)
      .toString('base64')
      .replaceAll('=', '');
    return Buffer.from(whole.slice(before === 0 ? 0 : 4, -2));
  });
  return [Buffer.from(text), Buffer.from(text, 'utf16le'), Buffer.from(text.toLowerCase()), ...base64];
}

const secrets = Object.entries({
  card: [...cards, spacedCard],
  code: codes,
  iban: [...ibans, spacedIban],
  account: [account],
  name: names,
  key: keyTexts,
  redis: [redisSecret],
}).flatMap(([what, texts]) => texts.map((text) => ({ what, text, forms: formsOf(text) })));

interface Place {
  readonly name: string;
  readonly bytes: Buffer;
}

function expectNothing(places: readonly Place[]): void {
  for (const { name, bytes } of places) {
    const allowed = mayShow.filter(({ where }) => where.test(name)).flatMap(({ what }) => what);
    for (const { what, text, forms } of secrets.filter((secret) => !allowed.includes(secret.what)))
      for (const form of forms) expect(bytes.includes(form), `${what} ${text} in ${name}`).toBe(false);
  }
}

/** Every file of the world, by its path: the ledger with its write-ahead log, results, alerts, answers in the drop folder. */
const filesOf = ({ folder }: World): Place[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ name: relative(folder, path), bytes: readFileSync(path) }));

const person: Row = { recipient_first_name: names[0] ?? '', recipient_last_name: names[1] ?? '' };
const card = (recordId: string, number: string, changes: Row = {}): Row =>
  row(recordId, { card_number: number, card_security_code: codes[0], ...changes }, 'payment', 'card');

/** @param tag of the record ids */
const rowsOf = (tag: string): readonly Row[] => [
  ...cards.map((number, index) => card(`${tag}-pay-${index}`, number)),
  ...cards.map((number, index) => row(`${tag}-out-${index}`, { card_number: number }, 'payout', 'card')),
  ...ibans.flatMap((iban, index) =>
    [0, 1, 2].map((more) => row(`${tag}-iban-${index}-${more}`, { ...person, iban, amount: `${more + 1}.00` })),
  ),
  row(`${tag}-spaced`, { ...person, iban: spacedIban }),
  row(`${tag}-usa`, { bank_account_number: account }, 'payout', 'usa'),
  // Bad, each in a way that names what is wrong.
  card(`${tag}-amount`, cards[0] ?? '', { amount: 'a lot' }),
  card(`${tag}-code`, cards[1] ?? '', { card_security_code: codes[1] ?? '' }),
  card(`${tag}-card`, `${cards[0]}1`),
  row(`${tag}-bad-iban`, { ...person, iban: `${ibans[0]}9` }),
  row(`${tag}-long-name`, { recipient_last_name: (names[1] ?? '').repeat(40) }),
  row(`${tag}-name`, { recipient_last_name: spacedCard }),
  row(`${tag}-place`, { description: `card ${cards[2]} of ${names[0]}` }),
  { ...row(`${tag}-meta`, {}), 'metadata.note': `card ${cards[0]}` },
  row(cards[1] ?? '', person),
  card(`${tag}-twice`, cards[0] ?? ''),
  card(`${tag}-twice`, cards[1] ?? ''),
];

const trace = { LOG_LEVEL: 'trace' };
const faults = 'lost-answer=0.3,refuse=0.2,http-500=0.2,wrong-amount=0.2,repeat-webhook=0.3';

describe.concurrent('what went in', () => {
  it('is in no output and no file of run after faults, a kill and a wrong key, but where a person needs it', async ({
    expect: expectHere,
  }) => {
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
      places.push(...filesOf(world));
      const seen = places.map(({ name }) => name);
      for (const name of ['data/ledger.sqlite', 'data/results.jsonl', 'data/alerts.jsonl', 'out.results.csv'])
        expectHere(seen).toContain(name);
      expectNothing(places);

      // What was looked for was in reach: the masks are there, and the rows of the fix-file are as they were.
      const destinations = new Set(world.events().map(({ destination }) => destination));
      for (const mask of ['DE**…3000', 'GB**…6819', '555534…1115', '…5544']) expectHere([...destinations]).toContain(mask);
      expectHere(readFileSync(join(world.folder, 'fix.errors.csv'), 'utf8')).toContain(`${ibans[0]}9`);
    });
  });

  it('is in no log, page, answer or file of serve with a drop folder and webhooks', async ({ expect: expectHere }) => {
    const port = await freePort();
    const webhookUrl = `http://127.0.0.1:${port}/webhooks/smart-glocal`;
    await inWorld({ faults, seed: 13, webhookUrl, privateKeyPem: otherPair.privateKey }, async (world) => {
      const inbox = join(world.folder, 'inbox');
      mkdirSync(inbox);
      const env = {
        ...trace,
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
      expectNothing(places);
    });
  });
});

it('is found by the search as it is, in UTF-16, and inside base64 at any place', () => {
  for (const { text } of secrets) {
    const hidden = [Buffer.from(`a ${text} b`), Buffer.from(`a ${text} b`, 'utf16le')];
    const packed = [0, 1, 2].map((before) => Buffer.from(Buffer.from(`${'x'.repeat(before)}${text}yz`).toString('base64')));
    for (const bytes of [...hidden, ...packed]) expect(() => expectNothing([{ name: 'a log', bytes }]), text).toThrow('in a log');
  }
});
