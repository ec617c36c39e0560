/**
 * Dead letters: messages that cannot be answered under a record id, kept as they came, with the reason beside them.
 * Format: docs/results.md.
 */
import { maskDigits } from '../batches/instruction/masks.ts';
import type { Clock } from '../batches/ports/clock.ts';
import { sealCardNumbers, type Piece } from './dead-letter-cards.ts';
import { PublishError } from './kafka/publish-error.ts';
import type { TopicPublisher } from './kafka/publisher.ts';
import { batchOverheadBytes, recordBytes, type TopicRecord } from './kafka/record.ts';

/** A message as it came from its topic. */
export interface DeadRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** Null where a header has no value. */
  readonly headers: Readonly<Record<string, Buffer | readonly Buffer[] | null>>;
}

/**
 * @property reason a word for programs, such as `invalid_json`
 * @property message a sentence for people
 */
export interface DeadLetter {
  readonly record: DeadRecord;
  readonly reason: string;
  readonly message: string;
}

export interface DeadLetters {
  /**
   * Resolves when the letter is surely on its topic. What is too large for it is cut, and says so.
   *
   * @throws PublishError
   */
  put(letter: DeadLetter): Promise<void>;
}

/** @property seal answers base64; what it sealed comes back by `unsealLetter` */
export interface DeadLettersOptions {
  readonly publisher: Pick<TopicPublisher, 'publish' | 'partitionFor'>;
  readonly topic: string;
  readonly seal: (bytes: Uint8Array) => string;
  readonly clock: Clock;
}

/** A topic that takes less takes no dead letters. */
const smallestLetterBytes = 4_096;
const longestMessage = 1_000;

export function createDeadLetters({ publisher, topic, seal, clock }: DeadLettersOptions): DeadLetters {
  const sealed = (bytes: Buffer): Buffer => joined(sealCardNumbers(bytes, seal));

  const headersOf = ({ record, reason, message }: DeadLetter, note: string): Record<string, Buffer | string> => ({
    reason,
    message: maskDigits(message).slice(0, longestMessage) + note,
    source_topic: record.topic,
    source_partition: String(record.partition),
    source_offset: String(record.offset),
    failed_at: new Date(clock.now()).toISOString(),
  });
  const originalHeaders = ({ record }: DeadLetter): Record<string, Buffer[]> =>
    Object.fromEntries(
      Object.entries(record.headers).map(([name, header]) => [
        `original_${name}`,
        [header ?? Buffer.alloc(0)].flat().map((one) => sealed(one as Buffer)),
      ]),
    );

  const whole = (letter: DeadLetter): TopicRecord => {
    const { key, value } = letter.record;
    return {
      key: key === null ? null : sealed(key),
      value: value === null ? null : sealed(value),
      headers: { ...headersOf(letter, ''), ...originalHeaders(letter) },
    };
  };
  /** As much of the value's head as fits; key and original headers only where they leave room for it. */
  const cut = (letter: DeadLetter, full: TopicRecord, maxBytes: number): TopicRecord => {
    const value = letter.record.value ?? Buffer.alloc(0);
    const pieces = sealCardNumbers(value, seal);
    const framed = (head: Head, frame: Pick<TopicRecord, 'key' | 'headers'>, lost: string): TopicRecord => {
      const note = ` Too large for this topic: only the first ${head.originalBytes} of its ${value.length} bytes are included${lost}.`;
      const kept = letter.record.value === null ? null : head.bytes;
      return { key: frame.key, value: kept, headers: { ...frame.headers, ...headersOf(letter, note), truncated: String(value.length) } };
    };
    const none: Head = { bytes: Buffer.alloc(0), originalBytes: value.length };
    const roomIn = (frame: TopicRecord): number => maxBytes - batchOverheadBytes - recordBytes(frame);
    const asItCame = roomIn(framed(none, full, ''));
    if (asItCame >= Math.min(maxBytes / 2, value.length)) return framed(headOf(pieces, asItCame), full, '');
    const lost = ', without its key and headers';
    const bare = { key: null };
    return framed(headOf(pieces, roomIn(framed(none, bare, lost))), bare, lost);
  };

  return {
    async put(letter) {
      const { record } = letter;
      const partition = await publisher.partitionFor(topic, record.key ?? `${record.topic}:${record.partition}`);
      const publish = (out: TopicRecord): Promise<unknown> => publisher.publish({ topic, partition, ...out });
      const full = whole(letter);
      let out = full;
      for (let maxBytes = recordBytes(full) + batchOverheadBytes; ;) {
        try {
          await publish(out);
          return;
        } catch (cause) {
          if (!(cause instanceof PublishError && cause.code === 'too_large') || maxBytes < smallestLetterBytes) throw cause;
          const half = Math.floor(maxBytes / 2);
          // What the topic says it takes, unless that was tried.
          maxBytes = cause.maxBytes !== undefined && cause.maxBytes < maxBytes ? cause.maxBytes : half;
          out = cut(letter, full, maxBytes);
        }
      }
    },
  };
}

interface Head {
  readonly bytes: Buffer;
  /** How many bytes of the value it replaces. */
  readonly originalBytes: number;
}

/** Never cuts a seal: half of it could not be opened, and half of a card number must not be shown. */
function headOf(pieces: readonly Piece[], maxBytes: number): Head {
  const taken: Piece[] = [];
  let room = Math.max(maxBytes, 0);
  for (const piece of pieces) {
    if (piece.bytes.length > room) {
      if (!piece.sealed) taken.push({ bytes: piece.bytes.subarray(0, room), sealed: false, originalBytes: room });
      break;
    }
    taken.push(piece);
    room -= piece.bytes.length;
  }
  return { bytes: joined(taken), originalBytes: taken.reduce((sum, { originalBytes }) => sum + originalBytes, 0) };
}

const joined = (pieces: readonly Piece[]): Buffer => Buffer.concat(pieces.map(({ bytes }) => bytes));
