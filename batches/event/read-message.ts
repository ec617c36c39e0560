/**
 * A message of the instructions topic becomes an instruction with its place and its batch, or a dead letter: what
 * cannot be named cannot be answered under its name. Whatever has a record id is answered there, bad or good.
 */
import { readInstructionEvent } from './parse-event.ts';
import type { JsonObject, Occurrence, ParseResult, InvalidInstruction } from '../instruction/instruction.ts';
import { isObject } from '../instruction/metadata.ts';
import type { ReadingOptions } from '../instruction/reading-options.ts';
import { DuplicateMemberError, parseStrictJson } from '../fields/strict-json.ts';
import { refusedDuplicates } from './envelope.ts';
import { unsealCards } from './sealed-cards.ts';
import { readTraceparent } from './traceparent.ts';

/** A message as it came. Times are milliseconds since the epoch, set by the producer or the broker. */
export interface InstructionMessage {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly timestamp: number;
  /** The broker has set the time (`LogAppendTime`); otherwise a producer, whose clock may be wrong. */
  readonly isBrokerTime?: boolean;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, Buffer>>;
  /** Set when the message could not even be unpacked. */
  readonly poison?: { readonly reason: string; readonly message: string };
}

export type MessageReading =
  | { readonly type: 'instruction'; readonly occurrence: Occurrence; readonly batchId: string; readonly reading: ParseResult }
  | { readonly type: 'dead'; readonly reason: string; readonly message: string };

/** Opens what `run` sealed for this record. */
export type OpenSealed = (sealed: Buffer, recordId: string) => Uint8Array;

/** Far above any instruction (their bound is counted in characters), and little to hold. */
const maxBytes = 262_144;

/** The trace that the message belongs to; undefined without one. */
export const traceparentOfMessage = ({ headers }: Pick<InstructionMessage, 'headers'>): string | undefined =>
  readTraceparent(headers['traceparent']?.toString('latin1'));

/** What is wrong with the event as a whole: without a record id, this says more than the id that is missing. */
const deadCodes = new Set(['unknown_member', 'event_not_object', 'event_too_deep', 'event_too_large', 'member_name', 'member_twice']);

const dead = (reason: string, message: string): MessageReading => ({ type: 'dead', reason, message });
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** The place in its topic: partition and offset. */
export const occurrenceOfMessage = ({ topic, partition, offset }: Pick<InstructionMessage, 'topic' | 'partition' | 'offset'>) => ({
  stream: `topic:${topic}:${partition}`,
  position: Number(offset),
});

export function readMessage(message: InstructionMessage, options: ReadingOptions & { readonly open: OpenSealed }): MessageReading {
  if (message.poison !== undefined) return { type: 'dead', ...message.poison };
  const { value } = message;
  if (value === null) return dead('null_value', 'The message has no value, so there is nothing to pay.');
  if (value.length > maxBytes)
    return dead('event_too_large', `The value has ${value.length} bytes; an instruction has at most ${maxBytes}.`);
  let text: string;
  try {
    text = utf8.decode(value);
  } catch {
    return dead('invalid_utf8', 'The value is not valid UTF-8.');
  }
  const parsed = parse(text);
  if (parsed.type === 'dead') return parsed;
  let { event } = parsed;
  const place = readPlace(message);
  if (place.type === 'dead') return place;
  if (place.batchId !== undefined && isObject(event)) {
    try {
      event = openCards(event, options.open);
    } catch {
      return dead('seal_broken', 'Its sealed card data cannot be opened: it was sealed with another ledger key, or altered.');
    }
  }
  const reading = read(event, parsed.duplicates, options);
  const fatal = reading.ok ? undefined : whyDead(reading.refusal);
  if (fatal !== undefined) return dead(fatal.code, fatal.message);
  const own = reading.ok ? reading.draft.batchId : reading.refusal.batchId;
  return { type: 'instruction', occurrence: place.occurrence, batchId: place.batchId ?? own ?? dayOf(message.timestamp), reading };
}

type Parsed =
  | { readonly type: 'parsed'; readonly event: unknown; readonly duplicates: DuplicateMemberError['paths'] }
  | Extract<MessageReading, { type: 'dead' }>;

function parse(text: string): Parsed {
  try {
    return { type: 'parsed', event: parseStrictJson(text), duplicates: [] };
  } catch (error) {
    if (error instanceof DuplicateMemberError) return { type: 'parsed', event: JSON.parse(text), duplicates: error.paths };
    if (error instanceof RangeError) return { type: 'dead', reason: 'event_too_deep', message: 'The value is nested too deeply.' };
    // The parser's own message quotes what it found, which may be a card number.
    return { type: 'dead', reason: 'invalid_json', message: 'The value is not valid JSON.' };
  }
}

const read = (event: unknown, duplicates: DuplicateMemberError['paths'], options: ReadingOptions): ParseResult =>
  duplicates.length > 0 && isObject(event)
    ? { ok: false, refusal: refusedDuplicates(event, duplicates) }
    : readInstructionEvent(event, options);

/** What cannot be named cannot be answered under its name. */
const whyDead = ({ recordId, problems }: InvalidInstruction) => {
  if (recordId !== undefined) return undefined;
  return problems.find(({ code }) => deadCodes.has(code)) ?? problems.find(({ column }) => column === 'record_id') ?? problems[0];
};

const openCards = (event: JsonObject, open: OpenSealed): JsonObject => {
  const recordId = event['record_id'];
  return typeof recordId === 'string' ? unsealCards(event, (sealed) => open(sealed, recordId)) : event;
};

/** As far as years have four digits. */
const lastMs = Date.UTC(9999, 11, 31);

/** Events without a batch of their own are counted by the day. A producer may have set any time, or none (-1). */
const dayOf = (timestamp: number): string => `events-${new Date(Math.min(Math.max(timestamp, 0), lastMs)).toISOString().slice(0, 10)}`;

type Place =
  | { readonly type: 'place'; readonly occurrence: Occurrence; readonly batchId: string | undefined }
  | Extract<MessageReading, { type: 'dead' }>;

/** A message that `run` published is identified by its file and line; any other by its place in the topic. */
function readPlace(message: InstructionMessage): Place {
  const text = (name: string): string | undefined => message.headers[name]?.toString('utf8');
  const [file, line, batchId] = [text('source_file'), text('source_line'), text('batch_id')];
  const traceparent = traceparentOfMessage(message);
  const trace = traceparent === undefined ? {} : { traceparent };
  if (file === undefined && line === undefined && batchId === undefined) {
    const { topic, partition, offset } = message;
    const source = { topic, partition, offset: String(offset), ...trace };
    return { type: 'place', occurrence: { ...occurrenceOfMessage(message), source }, batchId: undefined };
  }
  if (file === undefined || file === '' || !/^[1-9]\d{0,14}$/.test(line ?? '') || !/^[0-9a-f]{64}$/.test(batchId ?? '')) {
    return {
      type: 'dead',
      reason: 'bad_headers',
      message: 'The headers source_file, source_line and batch_id belong together: a name, a line number, and 64 hexadecimal digits.',
    };
  }
  const source = { file, line: Number(line), ...trace };
  return { type: 'place', occurrence: { stream: `file:${batchId}`, position: source.line, source }, batchId };
}
