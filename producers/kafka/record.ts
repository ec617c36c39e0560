/** A record on its way to a topic, and what it weighs there. */

type Header = Buffer | string;
export type Headers = Readonly<Record<string, Header | Header[]>>;

export interface TopicRecord {
  readonly key: Buffer | string | null;
  readonly value: Buffer | string | null;
  readonly headers?: Headers;
}

/** What a batch has around its records; the bound `max.message.bytes` is on the whole batch. */
export const batchOverheadBytes = 96;
/** Lengths, attributes and deltas around a record, at their longest. */
const recordOverheadBytes = 40;
const headerOverheadBytes = 10;

const bytesOf = (part: Buffer | string | null): number => (part === null ? 0 : Buffer.byteLength(part));

/** Never less than what the record takes in a batch, and at most some tens of bytes more. */
export function recordBytes({ key, value, headers = {} }: TopicRecord): number {
  let bytes = recordOverheadBytes + bytesOf(key) + bytesOf(value);
  for (const [name, header] of Object.entries(headers)) {
    for (const one of Array.isArray(header) ? header : [header]) bytes += headerOverheadBytes + bytesOf(name) + bytesOf(one);
  }
  return bytes;
}
