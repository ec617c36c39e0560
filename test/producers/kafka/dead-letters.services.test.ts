import { afterAll, expect, it } from 'vitest';
import { unsealLetter } from '../../../producers/dead-letter-cards.ts';
import { createDeadLetters } from '../../../producers/dead-letters.ts';
import { createTopicPublisher } from '../../../producers/kafka/publisher.ts';
import { systemClock } from '../../../src/clock.ts';
import { createSeal } from '../../../src/ledger/seal.ts';
import { kafkaBrokers, uniquePrefix } from '../../support/services.ts';
import { realTopics } from './real-topics.ts';

const prefix = uniquePrefix();
const topics = realTopics(kafkaBrokers());
const publisher = createTopicPublisher({ createKafka: topics.createKafka, clock: systemClock, onWarning: () => undefined });
afterAll(async () => {
  await publisher.close(5_000);
  await topics.close();
});

const own = createSeal(Buffer.alloc(32, 7));
const context = { recordId: 'dead-letter', attempt: 1 };
const seal = (bytes: Uint8Array): string => Buffer.from(own.close(bytes, context)).toString('base64');
const unseal = (text: string): Uint8Array => own.open(Buffer.from(text, 'base64'), context);
const from = { topic: `${prefix}.instructions`, partition: 1, offset: 9_007_199_254_740_993n };

it('a letter with a card number comes back from the topic to the byte, and shows none', async () => {
  const topic = await topics.make(`${prefix}.dead-letters`, 2);
  const letters = createDeadLetters({ publisher, topic, seal, clock: systemClock });
  const value = Buffer.from('\u00ff{"number": "4242 4242 4242 4242", "also": 5555555555554444', 'latin1');
  const headers = { trace: [Buffer.from('a'), Buffer.from('b')] };
  await letters.put({ record: { ...from, key: Buffer.from('inv-1'), value, headers }, reason: 'invalid_utf8', message: 'Not UTF-8.' });
  const [letter] = await topics.read(topic);
  expect(letter?.key?.toString()).toBe('inv-1');
  expect(String(letter?.value)).not.toMatch(/4242|5555/);
  expect(unsealLetter(letter?.value as Buffer, unseal)).toEqual(value);
  const text = (name: string): string => [letter?.headers[name]].flat().map(String).join();
  const names = ['reason', 'message', 'source_topic', 'source_partition', 'source_offset', 'original_trace'];
  expect(names.map(text)).toEqual(['invalid_utf8', 'Not UTF-8.', from.topic, '1', '9007199254740993', 'a,b']);
  expect(text('failed_at')).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
});

it('a letter larger than the topic takes keeps as much of its head as fits', async () => {
  const topic = await topics.make(`${prefix}.small-letters`, 1, { 'max.message.bytes': '50000' });
  const letters = createDeadLetters({ publisher, topic, seal, clock: systemClock });
  const value = Buffer.from(Array.from({ length: 20_000 }, (_, n) => `row ${n}\n`).join(''));
  await letters.put({ record: { ...from, key: null, value, headers: {} }, reason: 'event_too_large', message: 'Too large.' });
  const [letter, ...others] = await topics.read(topic);
  expect(others).toEqual([]);
  const head = letter?.value as Buffer;
  expect(head.length).toBeGreaterThan(49_000);
  expect(value.subarray(0, head.length)).toEqual(head);
  expect(String(letter?.headers['truncated'])).toBe(String(value.length));
});
