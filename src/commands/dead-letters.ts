import { unsealLetter } from '../../producers/dead-letter-cards.ts';
import { createTopicPublisher } from '../../producers/kafka/publisher.ts';
import { readTopic, type TopicRecord } from '../../consumers/kafka/read-topic.ts';
import { systemClock } from '../clock.ts';
import { serversOf, type Config } from '../config/config.ts';
import { sharedLedgerKey } from '../profiles/distributed.ts';
import { openLetterSeal } from '../kafka/dead-letter-seal.ts';
import { CommandError, exitCodes, type ExitCode } from '../exit.ts';
import { checkKafka, kafkaOf, type CreateKafka } from '../kafka/client.ts';
import { createLogger } from '../logger.ts';
import { printable } from '../terminal/format.ts';
import { topicNames, topicsExist } from '../kafka/topics.ts';

/** What the headers of a dead letter tell; see docs/results.md. */
interface Letter {
  /** Partition and offset on the topic of dead letters. */
  readonly place: string;
  readonly reason: string;
  readonly message: string;
  readonly source: { readonly topic: string; readonly partition: string; readonly offset: string };
  readonly failedAt: string;
  readonly truncated: boolean;
  readonly record: TopicRecord;
}

/** `list`, `show PLACE` or `put-back PLACE`; a place is partition and offset, such as `0/12`. */
export async function deadLetters(config: Config, args: readonly string[], { json }: { readonly json?: boolean }): Promise<ExitCode> {
  serversOf(config, 'disburse dead-letters');
  const [what = 'list', place] = args;
  const logger = createLogger(config.settings.LOG_LEVEL, { write: (line) => void process.stderr.write(line) });
  const createKafka = kafkaOf(config, (level, message) => logger[level](message));
  await checkKafka(createKafka, { clock: systemClock });
  const names = topicNames(config.settings.KAFKA_TOPIC_PREFIX);
  await topicsExist(createKafka, [names.deadLetters, names.instructions]);
  const letters = lettersOf(createKafka, names.deadLetters);
  switch (what) {
    case 'list':
      for await (const letter of letters) process.stdout.write(`${json === true ? JSON.stringify(told(letter)) : line(letter)}\n`);
      return exitCodes.ok;
    case 'show':
      return show(await find(letters, place), json === true);
    case 'put-back':
      return putBack(config, createKafka, names.instructions, await find(letters, place));
    default:
      throw new CommandError(exitCodes.usage, `dead-letters ${JSON.stringify(what)}: expected list, show PLACE or put-back PLACE.`);
  }
}

async function* lettersOf(createKafka: CreateKafka, topic: string): AsyncGenerator<Letter, void, undefined> {
  const signal = new AbortController().signal;
  for await (const record of readTopic({ createKafka, topic, from: 'beginning', until: 'end', signal, groupPrefix: 'disburse-letters' })) {
    const header = (name: string): string => record.headers[name]?.toString('utf8') ?? '';
    yield {
      place: `${record.partition}/${record.offset}`,
      reason: header('reason'),
      message: header('message'),
      source: { topic: header('source_topic'), partition: header('source_partition'), offset: header('source_offset') },
      failedAt: header('failed_at'),
      truncated: record.headers['truncated'] !== undefined,
      record,
    };
  }
}

async function find(letters: AsyncIterable<Letter>, place: string | undefined): Promise<Letter> {
  if (place === undefined || !/^\d+\/\d+$/.test(place))
    throw new CommandError(exitCodes.usage, 'expected the place of a dead letter, such as 0/12: disburse dead-letters list tells them.');
  for await (const letter of letters) if (letter.place === place) return letter;
  throw new CommandError(exitCodes.usage, `there is no dead letter at ${place}: disburse dead-letters list tells those that are there.`);
}

const told = ({ place, reason, message, source, failedAt, truncated, record }: Letter) => ({
  place,
  reason,
  message,
  source,
  failed_at: failedAt,
  bytes: record.value?.length ?? null,
  truncated,
});

const line = ({ place, reason, message, source, failedAt }: Letter): string =>
  printable(`${place.padEnd(8)} ${failedAt}  ${reason.padEnd(20)}  ${source.topic}/${source.partition}/${source.offset}  ${message}`);

/** The value as it lies on the topic, so with card numbers sealed; bytes that are no text in base64. */
function show(letter: Letter, json: boolean): ExitCode {
  const { value } = letter.record;
  const text = value?.toString('utf8') ?? null;
  const isText = value === null || Buffer.from(text ?? '').equals(value);
  const body = isText ? { value: text } : { value_base64: value.toString('base64') };
  if (json) process.stdout.write(`${JSON.stringify({ ...told(letter), ...body })}\n`);
  else process.stdout.write(`${line(letter)}\n${printable(isText ? (text ?? '(no value)') : (body.value_base64 ?? ''))}\n`);
  return exitCodes.ok;
}

/** As a new message at the end of the instructions topic, so it is a new occurrence; what was sealed is opened. */
async function putBack(config: Config, createKafka: CreateKafka, topic: string, letter: Letter): Promise<ExitCode> {
  const { record, place } = letter;
  if (letter.truncated)
    throw new CommandError(
      exitCodes.usage,
      `the dead letter at ${place} was cut because it was too large, so it cannot be put back whole.`,
    );
  const { open } = openLetterSeal(sharedLedgerKey(config));
  const unseal = (sealed: string): Buffer => {
    try {
      return open(sealed);
    } catch (cause) {
      throw new CommandError(exitCodes.usage, `the dead letter at ${place} was sealed under another ledger key: correct LEDGER_KEY_FILE.`, {
        cause,
      });
    }
  };
  const plain = (bytes: Buffer | null): Buffer | null => (bytes === null ? null : unsealLetter(bytes, unseal));
  const prefix = 'original_';
  const headers = Object.fromEntries(
    Object.entries(record.headers)
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, bytes]) => [name.slice(prefix.length), plain(bytes) ?? Buffer.alloc(0)]),
  );
  const publisher = createTopicPublisher({
    createKafka,
    clock: systemClock,
    onWarning: (message) => void process.stderr.write(`disburse: ${message}\n`),
  });
  try {
    const key = plain(record.key);
    const partition = await publisher.partitionFor(topic, key ?? place);
    const { offset } = await publisher.publish({ topic, partition, key, value: plain(record.value), headers });
    process.stdout.write(`${topic}/${partition}/${offset}\n`);
    process.stderr.write('It stands at the end of the instructions topic now, as a new message; the dead letter stays where it is.\n');
    return exitCodes.ok;
  } finally {
    await publisher.close(5_000);
  }
}
