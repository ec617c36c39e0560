/** Whole numbers from 0 to 2^53 - 1 in as few bytes as they need: seven bits each, the lowest first, the high bit says that more follow. */

export function varint(value: number): Buffer {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${value} is no count`);
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  bytes.push(rest);
  return Buffer.from(bytes);
}

export function readVarint(bytes: Buffer, from: number): { readonly value: number; readonly next: number } {
  let value = 0;
  for (let at = from, factor = 1; ; at += 1, factor *= 128) {
    const byte = bytes[at];
    if (byte === undefined) throw new RangeError('the bytes end within a number');
    value += (byte % 128) * factor;
    if (byte < 128) return { value, next: at + 1 };
  }
}
