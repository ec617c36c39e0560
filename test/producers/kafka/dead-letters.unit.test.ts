import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { passesLuhn } from '../../../batches/fields/cards.ts';
import { sealCardNumbers, unsealLetter } from '../../../producers/dead-letter-cards.ts';
import { createDeadLetters, type DeadRecord } from '../../../producers/dead-letters.ts';
import { PublishError } from '../../../producers/kafka/publish-error.ts';
import { batchOverheadBytes, recordBytes, type TopicRecord } from '../../../producers/kafka/record.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

/** Turns every bit, so that nothing of the original shows. */
const turned = (bytes: Uint8Array): Buffer => Buffer.from(bytes.map((byte) => byte ^ 0xff));
const seal = (bytes: Uint8Array): string => turned(bytes).toString('base64');
const unseal = (text: string): Buffer => turned(Buffer.from(text, 'base64'));
const sealed = (bytes: Uint8Array): Buffer => Buffer.concat(sealCardNumbers(bytes, seal).map((piece) => piece.bytes));

const card = '4242424242424242';

describe('card numbers in bytes', () => {
  it.each([
    ['13 digits', '4222222222222'],
    ['16 digits', card],
    ['19 digits', '6212345678901234569'],
    ['no known scheme', '9999999999999995'],
    ['blanks', '4242 4242 4242 4242'],
    ['dashes', '4242-4242-4242-4242'],
    ['several blanks', '4242  4242   4242 4242'],
    ['another number before it', '7 4242 4242 4242 4242'],
    ['another number behind it', '4242 4242 4242 4242 7'],
    ['two in a row', `${card} 5555555555554444`],
    ['UTF-16', Buffer.from(card, 'utf16le').toString('latin1')],
  ])('%s', (_name, text) => {
    const bytes = Buffer.from(`{"n":"${text}"} \u00ff`, 'latin1');
    const found = sealed(bytes);
    expect(found.toString('latin1')).toMatch(/^\{"n":"[^"]*sealed:v1:[^"]*"\} \u00ff$/);
    expect(found.toString('latin1').replaceAll(/[ \0-]/g, '')).not.toMatch(/4242|5555|4222|6212|9999/);
    expect(unsealLetter(found, unseal)).toEqual(bytes);
  });

  it.each([
    ['a wrong check digit', '4242424242424241'],
    ['12 digits', '424242424242'],
    ['20 digits', '12345678901234567897'],
    ['letters between', '4242x4242x4242x4242'],
    ['nothing', ''],
  ])('%s stays as it is', (_name, text) => {
    expect(sealed(Buffer.from(text)).toString()).toBe(text);
  });

  it('what follows a number in the alphabet of seals is sealed with it', () => {
    const bytes = Buffer.from(`a${card}bc=-_; ${card}`);
    const pieces = sealCardNumbers(bytes, seal);
    expect(pieces.map((piece) => [piece.sealed, piece.originalBytes])).toEqual([
      [false, 1],
      [true, 21],
      [false, 2],
      [true, 16],
    ]);
    expect(unsealLetter(sealed(bytes), unseal)).toEqual(bytes);
  });

  it('a seal of somebody else comes back as it was', () => {
    const bytes = Buffer.from(`{"card":"sealed:v1:AAAA/+==","x":"sealed:v1:","y":"sealed:sealed:v1:sealed:v1:${card}"}`);
    expect(unsealLetter(sealed(bytes), unseal)).toEqual(bytes);
  });

  it('any bytes come back exactly, and show no card number', () => {
    const part = fc.oneof(
      fc.constantFrom(
        card,
        '4222222222222',
        '4242 4242 4242 4242',
        '5555-5555-5555-4444',
        'sealed:v1:',
        'sealed',
        ':v1:',
        '"',
        ' ',
        '-',
        '0',
        'A=',
      ),
      fc.string({ maxLength: 5 }),
      fc.uint8Array({ maxLength: 5 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
        const bytes = Buffer.from(parts.join(''), 'latin1');
        const pieces = sealCardNumbers(bytes, seal);
        expect(unsealLetter(Buffer.concat(pieces.map((piece) => piece.bytes)), unseal)).toEqual(bytes);
        const shown = pieces.map((piece) => (piece.sealed ? '\n' : piece.bytes.toString('latin1'))).join('');
        for (const [run] of shown.matchAll(/(?<![0-9])[0-9]{13,19}(?![0-9])/g)) expect(passesLuhn(run)).toBe(false);
      }),
      { numRuns: 500 },
    );
  });

  it('a long value of nothing but digits takes no long time', () => {
    const bytes = Buffer.from('4 2 '.repeat(250_000));
    // Time of the processor, of which a busy machine takes none.
    const since = process.cpuUsage();
    expect(unsealLetter(sealed(bytes), unseal).equals(bytes)).toBe(true);
    const { user, system } = process.cpuUsage(since);
    expect((user + system) / 1_000).toBeLessThan(10_000);
  });

  it('a seal that could not be told from its surroundings is refused', () => {
    expect(() => sealCardNumbers(Buffer.from(card), () => 'not base64!')).toThrow(TypeError);
    expect(() => sealCardNumbers(Buffer.from(card), () => '')).toThrow(TypeError);
  });
});

type Put = TopicRecord & { readonly topic: string; readonly partition: number };

function lettersOn(options: { readonly limit?: number; readonly tellsLimit?: boolean } = {}) {
  const { limit = 1_048_588, tellsLimit = true } = options;
  const put: Put[] = [];
  let refused = 0;
  const letters = createDeadLetters({
    topic: 'payouts.dead-letters',
    seal,
    clock: createVirtualClock(Date.UTC(2026, 10, 21, 8)),
    publisher: {
      partitionFor: async (_topic, key) => key.length,
      async publish(record) {
        if (recordBytes(record) + batchOverheadBytes > limit) {
          refused += 1;
          throw new PublishError('too_large', record.topic, 'raise it', { maxBytes: tellsLimit ? limit : undefined });
        }
        put.push(record);
        return { offset: 0n };
      },
    },
  });
  return { letters, put, refused: () => refused };
}

const record = (more: Partial<DeadRecord> = {}): DeadRecord => ({
  topic: 'payouts.instructions',
  partition: 3,
  offset: 77n,
  key: Buffer.from('inv-1'),
  value: Buffer.from('{"record_id":'),
  headers: {},
  ...more,
});

describe('dead letters', () => {
  it('carry value and key as they came, the reason, the place, the time and the original headers', async () => {
    const { letters, put } = lettersOn();
    const headers = { source_file: Buffer.from('may.csv'), trace: [Buffer.from('a'), Buffer.from('b')], empty: null };
    await letters.put({ record: record({ headers }), reason: 'invalid_json', message: 'The value is not valid JSON.' });
    expect(put).toEqual([
      {
        topic: 'payouts.dead-letters',
        partition: 5,
        key: Buffer.from('inv-1'),
        value: Buffer.from('{"record_id":'),
        headers: {
          reason: 'invalid_json',
          message: 'The value is not valid JSON.',
          source_topic: 'payouts.instructions',
          source_partition: '3',
          source_offset: '77',
          failed_at: '2026-11-21T08:00:00.000Z',
          original_source_file: [Buffer.from('may.csv')],
          original_trace: [Buffer.from('a'), Buffer.from('b')],
          original_empty: [Buffer.alloc(0)],
        },
      },
    ]);
  });

  it('have no key or value when the message has none', async () => {
    const { letters, put } = lettersOn();
    await letters.put({ record: record({ key: null, value: null }), reason: 'null_value', message: 'No value.' });
    expect(put[0]).toMatchObject({ key: null, value: null, partition: 'payouts.instructions:3'.length });
  });

  it('show no card number: not in value, key, headers or message', async () => {
    const { letters, put } = lettersOn();
    const bytes = Buffer.from(`{"number":"${card}"`);
    await letters.put({
      record: record({ key: Buffer.from(card), value: bytes, headers: { pan: Buffer.from(card) } }),
      reason: 'invalid_json',
      message: `unexpected ${card}`,
    });
    const [letter] = put as [Put];
    const all = [letter.key, letter.value, ...Object.values(letter.headers ?? {}).flat()].map(String).join('\n');
    expect(all).not.toMatch(/424242/);
    expect(unsealLetter(letter.value as Buffer, unseal)).toEqual(bytes);
    expect(unsealLetter(letter.key as Buffer, unseal).toString()).toBe(card);
  });

  it.each([true, false])('an oversized one is cut to what fits, and says so (limit told: %s)', async (tellsLimit) => {
    const limit = 20_000;
    const { letters, put, refused } = lettersOn({ limit, tellsLimit });
    const value = Buffer.from(`${'0123456789 '.repeat(30)}${card} `.repeat(300));
    await letters.put({ record: record({ value }), reason: 'event_too_large', message: 'It is too large.' });
    const [letter] = put as [Put];
    const head = unsealLetter(letter.value as Buffer, unseal);
    expect(value.subarray(0, head.length)).toEqual(head);
    expect(recordBytes(letter) + batchOverheadBytes).toBeGreaterThan(tellsLimit ? limit - 100 : limit / 2 - 100);
    expect(letter.headers).toMatchObject({
      truncated: String(value.length),
      message: `It is too large. Too large for this topic: only the first ${head.length} of its ${value.length} bytes are included.`,
    });
    expect(String(letter.value)).not.toMatch(/424242/);
    expect(refused()).toBeLessThan(8);
  });

  it('never shows the half of a card number at the cut', async () => {
    for (let limit = 5_000; limit < 5_040; limit += 1) {
      const { letters, put } = lettersOn({ limit });
      await letters.put({ record: record({ value: Buffer.from(`${card} `.repeat(1_000)) }), reason: 'r', message: 'm' });
      expect(String(put[0]?.value)).not.toMatch(/424/);
    }
  });

  it('headers and a key that leave no room are left out, and that is said', async () => {
    const { letters, put } = lettersOn({ limit: 10_000 });
    const more = { key: Buffer.alloc(9_000, 'k'), value: Buffer.alloc(20_000, 'v'), headers: { h: Buffer.alloc(9_000, 'h') } };
    await letters.put({ record: record(more), reason: 'r', message: 'm' });
    expect(put[0]?.key).toBeNull();
    expect(put[0]?.value?.length).toBeGreaterThan(9_000);
    expect(put[0]?.headers).toMatchObject({ truncated: '20000', message: expect.stringMatching(/without its key and headers/) as string });
    expect(put[0]?.headers).not.toHaveProperty('original_h');
  });

  it('report a topic whose limit is too small for any letter', async () => {
    const { letters, refused } = lettersOn({ limit: 100, tellsLimit: false });
    const value = Buffer.alloc(100_000, 'v');
    await expect(letters.put({ record: record({ value }), reason: 'r', message: 'm' })).rejects.toMatchObject({ code: 'too_large' });
    expect(refused()).toBeLessThan(10);
  });
});
