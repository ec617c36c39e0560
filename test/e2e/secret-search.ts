/** What must stay secret, rows that hold it, and the search for it in everything that was written and printed. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { expect } from 'vitest';
import { row, type Row } from '../support/builders.ts';
import { otherPair, ourPair, type World } from './world.ts';

/** Each is found nowhere by chance. */
export const cards = ['5555341244441115', '4917610000000000', '378282246310005'];
const spacedCard = '5555 3412 4444 1115';
const codes = ['739158', '8402657'];
export const ibans = ['DE89370400440532013000', 'GB29NWBK60161331926819'];
const spacedIban = 'DE89 3704 0044 0532 0130 00';
export const account = '000998877665544';
export const names = ['Quirkenstein', 'Wobblethwaite'];
export const redisSecret = 's3cret-in-the-url';
const keyTexts = [ourPair, otherPair].flatMap(({ privateKey }) => privateKey.split('\n').filter((line) => line.length > 40));

/**
 * What may show what: the fix-file and the file that was dropped hold rows as they were, so that a person can correct
 * them. Neither card numbers nor security codes are shown in a fix-file; a dropped file is the payer's own.
 */
const mayShow: readonly { readonly where: RegExp; readonly what: readonly string[] }[] = [
  { where: /\.errors\.csv$/, what: ['iban', 'name', 'account'] },
  { where: /^inbox\/(?:done|processing|refused)\/[^/]+(?<!\.(?:errors|results))\.csv$/, what: ['card', 'code', 'iban', 'name', 'account'] },
  { where: /^\S+ of operator: 200 \/(?:batches|upload)\/[^/?]+\/errors\.csv$/, what: ['iban', 'name', 'account'] },
  { where: /^topic instructions$/, what: ['iban', 'name', 'account'] },
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

export const secrets = Object.entries({
  card: [...cards, spacedCard],
  code: codes,
  iban: [...ibans, spacedIban],
  account: [account],
  name: names,
  key: keyTexts,
  redis: [redisSecret],
}).flatMap(([what, texts]) => texts.map((text) => ({ what, text, forms: formsOf(text) })));

export interface Place {
  readonly name: string;
  readonly bytes: Buffer;
}

export function expectNothing(places: readonly Place[]): void {
  for (const { name, bytes } of places) {
    const allowed = mayShow.filter(({ where }) => where.test(name)).flatMap(({ what }) => what);
    for (const { what, text, forms } of secrets.filter((secret) => !allowed.includes(secret.what)))
      for (const form of forms) expect(bytes.includes(form), `${what} ${text} in ${name}`).toBe(false);
  }
}

/** Every file of the world, by its path: the ledger with its write-ahead log, results, alerts, answers in the drop folder. */
export const filesOf = ({ folder }: World): Place[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ name: relative(folder, path), bytes: readFileSync(path) }));

const person: Row = { recipient_first_name: names[0] ?? '', recipient_last_name: names[1] ?? '' };
const card = (recordId: string, number: string, changes: Row = {}): Row =>
  row(recordId, { card_number: number, card_security_code: codes[0], ...changes }, 'payment', 'card');

/** @param tag of the record ids */
export const rowsOf = (tag: string): readonly Row[] => [
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
