/** After runs that met every trouble, nothing that must stay secret is anywhere. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { csvOf, row, type Row } from '../support/builders.ts';
import { inWorld, otherPair, ourPair, sha256Of, until, type World } from './world.ts';

/** Luhn-valid, and found nowhere by chance. */
const cards = ['5555341244441115', '4917610000000000', '378282246310005', '6011000990139424'] as const;
const securityCode = '7391';
const iban = 'DE89370400440532013000';
const account = '000998877665544';
const badIban = 'DE88370400440532013000';
const badCard = '5555341244441116';
const spacedCard = '5555 3412 4444 1115';

const card = (recordId: string, number: string, changes: Row = {}): Row =>
  row(recordId, { card_number: number, card_security_code: securityCode, ...changes }, 'payment', 'card');

const rows: readonly Row[] = [
  ...cards.map((number, index) => card(`pay-${index}`, number)),
  ...cards.map((number, index) => row(`out-${index}`, { card_number: number }, 'payout', 'card')),
  ...Array.from({ length: 6 }, (_, index) => row(`iban-${index}`, { iban, amount: `${index + 1}.00` })),
  row('usa-1', { bank_account_number: account }, 'payout', 'usa'),
  card('bad-card', badCard),
  card('bad-amount', cards[0], { amount: 'a lot' }),
  card('bad-spaces', spacedCard),
  card('bad-code', cards[1], { card_security_code: `${securityCode}x` }),
  row('bad-iban', { iban: badIban }),
  row('bad-place', { description: `card ${cards[2]}` }),
  row('bad-name', { recipient_last_name: spacedCard }),
  { ...row('bad-meta', {}), 'metadata.note': `paid with ${cards[3]}` },
  row(cards[0], {}),
  card('twice', cards[0]),
  card('twice', cards[1]),
];

/** Everything under the data folder, byte by byte, by name. */
function filesOf(world: World): (readonly [string, string])[] {
  return readdirSync(world.dataDir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => [entry.name, readFileSync(join(entry.parentPath, entry.name), 'latin1')] as const);
}

const alone = (text: string): RegExp => new RegExp(`(?<![0-9A-Za-z+/=_-])${text}(?![0-9A-Za-z+/=_-])`);
const keyLines = [ourPair, otherPair].flatMap(({ privateKey }) => privateKey.split('\n').filter((line) => line.length > 40));

function expectNoSecrets(places: readonly (readonly [string, string])[], fixFile: string): void {
  for (const [name, text] of places) {
    for (const number of [...cards, badCard, spacedCard]) expect(text.includes(number), `${number} in ${name}`).toBe(false);
    expect(alone(securityCode).test(text), `the security code in ${name}`).toBe(false);
    expect(text.includes(`${securityCode}x`), `the bad security code in ${name}`).toBe(false);
    for (const line of keyLines) expect(text.includes(line), `the private key in ${name}`).toBe(false);
    // The fix-file holds bad rows as they were, but for cards.
    const masked = name === fixFile ? [iban, account] : [iban, badIban, account];
    for (const number of masked) expect(text.includes(number), `${number} in ${name}`).toBe(false);
  }
}

it('a card number stays secret through refusals, lost answers, crashes and wrong keys', async () => {
  await inWorld({ faults: 'lost-answer=0.3,refuse=0.2,http-500=0.2,wrong-amount=0.2', seed: 11 }, async (world) => {
    const text = csvOf(rows);
    const path = world.write('secret.csv', text);
    const fixFile = `${sha256Of(text)}.errors.csv`;
    const told: (readonly [string, string])[] = [];
    const tell = (name: string, { stdout, stderr }: { stdout: string; stderr: string }): void =>
      void told.push([`stdout of ${name}`, stdout], [`stderr of ${name}`, stderr]);
    const trace = { LOG_LEVEL: 'trace' };

    tell('validate', await world.command(['validate', path, '--errors', join(world.folder, 'errors.csv')]));
    tell('validate --json', await world.command(['validate', path, '--json']));
    tell(
      'a wrong key',
      await world.command(['run', path], { ...trace, GATEWAY_PRIVATE_KEY_FILE: world.write('other.pem', otherPair.privateKey) }),
    );

    // Killed while bodies are kept and the write-ahead log is full of them.
    const killed = world.begin(['run', path], trace);
    await until('some sessions', () => world.sandbox.payments().length > 3);
    killed.kill('SIGKILL');
    tell('a killed run', await killed.ended);
    expectNoSecrets(filesOf(world), fixFile);

    tell('run', await world.command(['run', path, '--results', join(world.folder, 'results.csv')], trace));
    tell('run --json', await world.command(['run', path, '--json'], trace));
    tell('tail', await world.command(['tail']));
    tell('tail --json', await world.command(['tail', '--json']));
    tell('status', await world.command(['status']));
    told.push(['results.csv', readFileSync(join(world.folder, 'results.csv'), 'utf8')]);

    const files = filesOf(world);
    expect(files.map(([name]) => name)).toEqual(expect.arrayContaining(['ledger.sqlite', 'results.jsonl', fixFile]));
    expectNoSecrets([...files, ...told], fixFile);

    // The masks themselves are there, so that what was looked for was in reach.
    const events = world.events();
    const destinations = new Set(events.map(({ destination }) => destination));
    expect([...destinations]).toEqual(expect.arrayContaining(['DE**…3000', '555534…1115', '…5544']));
    expect(events.filter(({ status }) => status === 'rejected')).toHaveLength(11);
    expect(readFileSync(join(world.folder, 'errors.csv'), 'utf8')).not.toContain(cards[0]);
    expect(readFileSync(join(world.folder, 'errors.csv'), 'utf8')).not.toMatch(alone(securityCode));
  });
}, 180_000);

it('no part of a key is printed when its text is given in place of its path', async () => {
  await inWorld({}, async (world) => {
    const path = world.write('may.csv', csvOf([row('p-1')]));
    const ledgerKey = Buffer.alloc(32, 9).toString('base64');
    const ended = await world.command(['run', path], {
      GATEWAY_URL: 'https://user:s3cret@gateway.example',
      GATEWAY_PRIVATE_KEY_FILE: ourPair.privateKey,
      LEDGER_KEY_FILE: ledgerKey,
      REDIS_URL: 'redis://:s3cret@localhost',
    });
    expect(ended.code).toBe(1);
    for (const name of ['GATEWAY_URL', 'GATEWAY_PRIVATE_KEY_FILE', 'LEDGER_KEY_FILE', 'REDIS_URL']) expect(ended.stderr).toContain(name);
    for (const secret of ['s3cret', ledgerKey, ...keyLines]) expect(ended.stderr).not.toContain(secret);
  });
});

it('the files of a ledger are readable by their owner only', async () => {
  await inWorld({}, async (world) => {
    await world.run(world.write('may.csv', csvOf([row('p-1'), row('bad', { iban: 'x' })])));
    const { statSync } = await import('node:fs');
    for (const name of readdirSync(world.dataDir)) expect(statSync(join(world.dataDir, name)).mode & 0o077, name).toBe(0);
  });
});
