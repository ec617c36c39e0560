/** What goes wrong on an ordinary day: for the same share of the records, and the same records, in every run. */

/** `lost`: paid, and the connection ends without an answer. `unavailable`: not paid, answered by HTTP 503. */
export type Fault = 'lost' | 'unavailable';

/** FNV-1a, 32 bits, mixed once more: ids that differ in their last digit are spread too. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** @param share of the records, 0 to 1; half of them lose an answer */
export function faultOf(recordId: string, share: number): Fault | undefined {
  const place = hashOf(recordId) / 2 ** 32;
  if (place >= share) return undefined;
  return place < share / 2 ? 'lost' : 'unavailable';
}
