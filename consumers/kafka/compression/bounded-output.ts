/** Where unpacked bytes gather: it grows as needed, never beyond its bound, and can repeat what it has. */

/** Packed data that is damaged, or unpacks to more than anybody should hold. */
export class UnpackError extends Error {
  override readonly name = 'UnpackError';
}

const firstSize = 64 * 1024;

export class BoundedOutput {
  readonly #maxBytes: number;
  #bytes: Buffer;
  #length = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
    this.#bytes = Buffer.allocUnsafe(Math.min(firstSize, maxBytes));
  }

  get length(): number {
    return this.#length;
  }

  /** @throws {UnpackError} when the bound is passed */
  append(bytes: Buffer): void {
    this.#makeRoom(bytes.length);
    bytes.copy(this.#bytes, this.#length);
    this.#length += bytes.length;
  }

  /**
   * Appends `count` bytes from `distance` bytes before the end; what is appended may itself be repeated.
   *
   * @throws {UnpackError} when that is before the beginning, or the bound is passed
   */
  repeat(distance: number, count: number): void {
    if (distance < 1 || distance > this.#length) throw new UnpackError('it refers to bytes before its start');
    this.#makeRoom(count);
    const from = this.#length - distance;
    for (let left = count; left > 0;) {
      // The appended bytes continue the same pattern, so each round can copy twice as much as the one before.
      const step = Math.min(left, this.#length - from);
      this.#bytes.copyWithin(this.#length, from, from + step);
      this.#length += step;
      left -= step;
    }
  }

  finished(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  #makeRoom(count: number): void {
    const needed = this.#length + count;
    if (needed > this.#maxBytes) throw new UnpackError(`it decompresses to more than ${this.#maxBytes} bytes`);
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.min(this.#maxBytes, Math.max(needed, 2 * this.#bytes.length)));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}
