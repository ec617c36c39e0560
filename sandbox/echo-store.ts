/**
 * Keeps the echoed members of each body outside the heap: a few large buffers instead of a hundred thousand objects
 * for the garbage collector.
 */

const slabBytes = 4 * 1024 * 1024;
const slabStride = 2 ** 32;
const lengthBytes = 4;

/** Append-only texts; `put` returns the offset for `get`. */
export interface EchoStore {
  put(text: string): number;
  get(offset: number): string;
}

export function createEchoStore(): EchoStore {
  const slabs: Buffer[] = [];
  let used = 0;

  return {
    put(text) {
      const need = lengthBytes + Buffer.byteLength(text);
      let slab = slabs.at(-1);
      if (slab === undefined || used + need > slab.length) {
        slab = Buffer.allocUnsafeSlow(Math.max(slabBytes, need));
        slabs.push(slab);
        used = 0;
      }
      const start = used;
      slab.writeUInt32LE(need - lengthBytes, start);
      slab.write(text, start + lengthBytes);
      used += need;
      return (slabs.length - 1) * slabStride + start;
    },
    get(offset) {
      const start = offset % slabStride;
      const slab = slabs[(offset - start) / slabStride];
      if (slab === undefined) throw new RangeError(`no echo at ${offset}`);
      return slab.toString('utf8', start + lengthBytes, start + lengthBytes + slab.readUInt32LE(start));
    },
  };
}
