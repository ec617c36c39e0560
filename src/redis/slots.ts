/** Slots of a Redis Cluster: which one a key belongs to. */

export const slotCount = 16_384;

/** CRC16 in the variant XMODEM, as Redis Cluster takes it. */
const polynomial = 0x1021;

function crc16(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 0x8000) === 0 ? (crc << 1) & 0xffff : ((crc << 1) ^ polynomial) & 0xffff;
  }
  return crc;
}

/** Of a key with a hash tag only the tag counts: what is between the first `{` and the next `}`, unless that is nothing. */
export function slotOf(key: string): number {
  const open = key.indexOf('{');
  const close = open < 0 ? -1 : key.indexOf('}', open + 1);
  return crc16(Buffer.from(close > open + 1 ? key.slice(open + 1, close) : key)) % slotCount;
}
