/**
 * "Seen before?" in memory of a fixed size: a Bloom filter. It may say yes to what it has not seen, never no to
 * what it has; after a yes the caller looks closer.
 */

/** 2^27 bits are 16 MiB: of a million texts one in a thousand million is taken for another, of ten million one in 500. */
const mostBits = 2 ** 27;
const leastBits = 2 ** 16;
const probes = 7;

/** How large a sieve a file of so many bytes needs: a hundred bits and more for each row, up to 16 MiB. */
export const bitsFor = (fileBytes: number): number =>
  Math.min(mostBits, Math.max(leastBits, 2 ** Math.ceil(Math.log2(Math.max(fileBytes, 1) * 2))));

export interface BloomFilter {
  /** Adds the text of this hash. @returns whether it was perhaps added before */
  add(high: number, low: number): boolean;
  has(high: number, low: number): boolean;
}

/** @param bits a power of two, at least 32 */
export function createBloomFilter(bits: number): BloomFilter {
  const words = new Uint32Array(bits / 32);
  const mask = bits - 1;
  return {
    add(high, low) {
      let seen = true;
      for (let probe = 0; probe < probes; probe += 1) {
        const at = (high + Math.imul(probe, low | 1)) & mask;
        const word = words[at >>> 5] as number;
        const bit = 1 << (at & 31);
        if ((word & bit) === 0) {
          seen = false;
          words[at >>> 5] = word | bit;
        }
      }
      return seen;
    },
    has(high, low) {
      for (let probe = 0; probe < probes; probe += 1) {
        const at = (high + Math.imul(probe, low | 1)) & mask;
        if (((words[at >>> 5] as number) & (1 << (at & 31))) === 0) return false;
      }
      return true;
    },
  };
}

export interface TextHash {
  /** Goes on with the text: pieces hash as the text that they are together. */
  add(piece: string): void;
  /** Puts the two words at `out[at]` and `out[at + 1]`, and begins with nothing again. */
  take(out: Uint32Array, at: number): void;
}

/**
 * 64 bits of a text as two words: two multiplicative hashes in one pass (cyrb53's mixing). Fast, and not for secrets or
 * proofs: a collision costs a closer look, nothing else.
 */
export function createTextHash(): TextHash {
  let first = 0xdeadbeef | 0;
  let second = 0x41c6ce57;
  return {
    add(piece) {
      let high = first;
      let low = second;
      for (let index = 0; index < piece.length; index += 1) {
        const unit = piece.charCodeAt(index);
        high = Math.imul(high ^ unit, 2_654_435_761);
        low = Math.imul(low ^ unit, 1_597_334_677);
      }
      first = high;
      second = low;
    },
    take(out, at) {
      let high = first;
      let low = second;
      high = Math.imul(high ^ (high >>> 16), 2_246_822_507) ^ Math.imul(low ^ (low >>> 13), 3_266_489_909);
      low = Math.imul(low ^ (low >>> 16), 2_246_822_507) ^ Math.imul(high ^ (high >>> 13), 3_266_489_909);
      out[at] = high >>> 0;
      out[at + 1] = low >>> 0;
      first = 0xdeadbeef | 0;
      second = 0x41c6ce57;
    },
  };
}

const single = createTextHash();

/** The two words of a whole text. */
export function hashText(text: string, out: Uint32Array, at: number): void {
  single.add(text);
  single.take(out, at);
}
