import { systemClock } from '../clock.ts';
import { serversOf, type Config } from '../config/config.ts';
import { CommandError, exitCodes, type ExitCode } from '../exit.ts';
import { kafkaOf } from '../kafka/client.ts';
import { checkKafka } from '../kafka/reachability.ts';
import { openLetterSeal } from '../kafka/dead-letter-seal.ts';
import { readDeadLetters, type DeadLetter } from '../kafka/dead-letters.ts';
import { redrive } from '../kafka/redrive.ts';
import { topicNames } from '../kafka/topic-plan.ts';
import { topicsExist } from '../kafka/topics.ts';
import { createLogger } from '../logger.ts';
import { sharedLedgerKey } from '../profiles/distributed/connect.ts';
import { printable } from '../terminal/format.ts';
import { letterView } from '../views/dead-letters.ts';

/** `list`, `show POSITION` or `redrive POSITION`; a position is partition and offset, such as `0/12`. */
export async function deadLetters(
  config: Config,
  args: readonly string[],
  { json = false }: { readonly json?: boolean },
): Promise<ExitCode> {
  serversOf(config, 'disburse dead-letters');
  const [action = 'list', position] = args;
  const logger = createLogger(config.settings.LOG_LEVEL, { write: (line) => void process.stderr.write(line) });
  const createKafka = kafkaOf(config, (level, message) => logger[level](message));
  await checkKafka(createKafka, { clock: systemClock });
  const names = topicNames(config.settings.KAFKA_TOPIC_PREFIX);
  await topicsExist(createKafka, [names.deadLetters, names.instructions]);
  const letters = readDeadLetters(createKafka, names.deadLetters);
  switch (action) {
    case 'list':
      for await (const letter of letters) process.stdout.write(`${json ? JSON.stringify(letterView(letter)) : line(letter)}\n`);
      return exitCodes.ok;
    case 'show':
      process.stdout.write(show(await find(letters, position), json));
      return exitCodes.ok;
    case 'redrive':
    // Its former name.
    case 'put-back': {
      const letter = await find(letters, position);
      const seal = openLetterSeal(sharedLedgerKey(config));
      const onWarning = (message: string): void => void process.stderr.write(`disburse: ${message}\n`);
      const published = await redrive(letter, { createKafka, clock: systemClock, topic: names.instructions, seal, onWarning });
      process.stdout.write(`${published}\n`);
      process.stderr.write('Published as a new message at the end of the instructions topic; the dead letter is kept.\n');
      return exitCodes.ok;
    }
    default:
      throw new CommandError(exitCodes.usage, `dead-letters ${JSON.stringify(action)}: expected list, show POSITION or redrive POSITION.`);
  }
}

async function find(letters: AsyncIterable<DeadLetter>, position: string | undefined): Promise<DeadLetter> {
  if (position === undefined || !/^\d+\/\d+$/.test(position))
    throw new CommandError(
      exitCodes.usage,
      'expected the position of a dead letter, such as 0/12; disburse dead-letters list prints them.',
    );
  for await (const letter of letters) if (letter.place === position) return letter;
  throw new CommandError(exitCodes.usage, `there is no dead letter at ${position}; disburse dead-letters list prints all.`);
}

const line = ({ place, reason, message, source, failedAt }: DeadLetter): string =>
  printable(`${place.padEnd(8)} ${failedAt}  ${reason.padEnd(20)}  ${source.topic}/${source.partition}/${source.offset}  ${message}`);

/** The value as the topic has it, so with card numbers sealed; bytes that are not UTF-8 in base64. */
function show(letter: DeadLetter, json: boolean): string {
  const { value } = letter.record;
  const text = value?.toString('utf8') ?? null;
  const isText = value === null || Buffer.from(text ?? '').equals(value);
  if (json)
    return `${JSON.stringify({ ...letterView(letter), ...(isText ? { value: text } : { value_base64: value.toString('base64') }) })}\n`;
  return `${line(letter)}\n${printable(isText ? (text ?? '(no value)') : value.toString('base64'))}\n`;
}
