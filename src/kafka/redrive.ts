/** Publishes a dead letter again, as a new message. */
import type { Clock } from '../../batches/ports/clock.ts';
import { unsealLetter } from '../../producers/dead-letter-cards.ts';
import { createTopicPublisher } from '../../producers/kafka/publisher.ts';
import { CommandError, exitCodes } from '../exit.ts';
import type { CreateKafka } from './client.ts';
import type { LetterSeal } from './dead-letter-seal.ts';
import type { DeadLetter } from './dead-letters.ts';

/** Headers of the message as it came have this in front of their names. */
const originalPrefix = 'original_';

interface RedriveParams {
  readonly createKafka: CreateKafka;
  readonly clock: Clock;
  /** The instructions topic. */
  readonly topic: string;
  readonly seal: LetterSeal;
  readonly onWarning: (message: string) => void;
}

/**
 * Publishes it at the end of the instructions topic, so it is a new occurrence; what was sealed is opened.
 *
 * @returns topic, partition and offset of the new message, such as `payouts.instructions/3/1712`
 * @throws {CommandError} exit 1 when it is not whole, or was sealed under another key
 */
export async function redrive(letter: DeadLetter, { createKafka, clock, topic, seal, onWarning }: RedriveParams): Promise<string> {
  const { key, value, headers } = openLetter(letter, seal);
  const publisher = createTopicPublisher({ createKafka, clock, onWarning });
  try {
    const partition = await publisher.partitionFor(topic, key ?? letter.place);
    const { offset } = await publisher.publish({ topic, partition, key, value, headers });
    return `${topic}/${partition}/${offset}`;
  } finally {
    await publisher.close(5_000);
  }
}

function openLetter({ record, place, truncated }: DeadLetter, seal: LetterSeal) {
  if (truncated) {
    throw new CommandError(exitCodes.usage, `the dead letter ${place} was truncated because it was too large; it cannot be redriven.`);
  }
  const open = (sealed: string): Buffer => {
    try {
      return seal.open(sealed);
    } catch (cause) {
      const message = `the dead letter ${place} was sealed with another ledger key: correct LEDGER_KEY_FILE.`;
      throw new CommandError(exitCodes.usage, message, { cause });
    }
  };
  const plain = (bytes: Buffer | null): Buffer | null => (bytes === null ? null : unsealLetter(bytes, open));
  const headers = Object.entries(record.headers)
    .filter(([name]) => name.startsWith(originalPrefix))
    .map(([name, bytes]) => [name.slice(originalPrefix.length), plain(bytes) ?? Buffer.alloc(0)] as const);
  return { key: plain(record.key), value: plain(record.value), headers: Object.fromEntries(headers) };
}
