/**
 * "Seen before?" in memory of a bounded size: a Bloom filter that grows by layers (Almeida and others, Scalable Bloom
 * Filters, 2007). It may say yes to what it has not seen, never no to what it has; after a yes the caller looks closer.
 */

const firstBits = 2 ** 20;
/** 32 MiB, enough for four million texts; a million take 8 MiB. Of ten million, one in 3,000 of the last is taken for another. */
const mostBits = 2 ** 28;
const bitsPerText = 64;
/** With 64 bits for each text, one in four hundred million is taken for another in a layer that is full. */
const probes = 10;

export interface BloomFilter {
  /** Adds the text of this hash. @returns whether it was perhaps added before */
  add(high: number, low: number): boolean;
  has(high: number, low: number): boolean;
}

/** @property most bits of all layers together; beyond them the newest layer fills up, and says yes more often */
export interface BloomFilterSize {
  /** A power of two, at least 32. */
  readonly first?: number;
  readonly most?: number;
}

export function createBloomFilter({ first = firstBits, most = mostBits }: BloomFilterSize = {}): BloomFilter {
  let newest = createLayer(first);
  const older: Layer[] = [];
  let total = first;
  let room = first / bitsPerText;

  const grow = (): void => {
    const bits = newest.bits * 2;
    older.push(newest);
    newest = createLayer(bits);
    total += bits;
    room = bits / bitsPerText;
  };
  const isInOlder = (high: number, low: number): boolean => {
    for (const layer of older) if (layer.has(high, low)) return true;
    return false;
  };
  return {
    add(high, low) {
      if (isInOlder(high, low) || newest.add(high, low)) return true;
      room -= 1;
      if (room <= 0 && total + newest.bits * 2 <= most) grow();
      return false;
    },
    has: (high, low) => isInOlder(high, low) || newest.has(high, low),
  };
}

interface Layer extends BloomFilter {
  readonly bits: number;
}

function createLayer(bits: number): Layer {
  const words = new Uint32Array(bits / 32);
  const mask = bits - 1;
  return {
    bits,
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
