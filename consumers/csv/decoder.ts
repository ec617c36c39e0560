/** Bytes become text, or are reported by their offset: U+FFFD is never made here. One that is in the file is passed on. */
import { isAscii, isUtf8 } from 'node:buffer';
import iconv from 'iconv-lite';
import { looksLikeMac } from './mac-bytes.ts';

/** @property offset of the first byte that cannot be read, from the start of the (unpacked) file */
interface EncodingFault {
  readonly offset: number;
  readonly message: string;
}

/** @property text all that comes before the fault */
interface Decoded {
  readonly text: string;
  readonly fault?: EncodingFault;
}

export interface Decoder {
  /** A character cut off at the end of `bytes` waits for the next ones. */
  decode(bytes: Buffer): Decoded;
  end(): Decoded;
  /** How many bytes of the file this text was. */
  byteLength(text: string): number;
}

/** How one encoding is read. `whole` says how many of the bytes end with a whole character. */
interface Reader {
  whole(bytes: Buffer): number;
  read(bytes: Buffer): { readonly text: string; readonly badAt?: number; readonly message?: string };
  byteLength(text: string): number;
}

/** @param startOffset how many bytes of the file were skipped before the first to be decoded: its mark */
export function createDecoder(encoding: string, startOffset: number): Decoder {
  const reader = readerOf(encoding);
  let offset = startOffset;
  let carried: Buffer = Buffer.alloc(0);

  const read = (bytes: Buffer): Decoded => {
    const { text, badAt, message = '' } = reader.read(bytes);
    const at = offset;
    offset += bytes.length;
    return badAt === undefined ? { text } : { text, fault: { offset: at + badAt, message } };
  };

  return {
    decode(bytes) {
      const all = carried.length === 0 ? bytes : Buffer.concat([carried, bytes]);
      const length = reader.whole(all);
      // A copy: the bytes belong to a buffer that is used again.
      carried = length === all.length ? Buffer.alloc(0) : Buffer.from(all.subarray(length));
      return read(length === all.length ? all : all.subarray(0, length));
    },
    end() {
      if (carried.length === 0) return { text: '' };
      return {
        text: '',
        fault: { offset, message: `The file ends in the middle of a ${encoding} character: it was truncated. Fetch it again.` },
      };
    },
    byteLength: (text) => reader.byteLength(text),
  };
}

const readerOf = (encoding: string): Reader => {
  if (encoding === 'utf-8') return utf8;
  if (encoding === 'shift_jis') return shiftJis;
  return encoding.startsWith('utf-16') ? utf16(encoding) : singleByte(encoding);
};

const hex = (byte: number | undefined): string => `0x${(byte ?? 0).toString(16).padStart(2, '0').toUpperCase()}`;

const windowsAdvice =
  'Excel and older programs often save windows-1252 (Western Europe) or windows-1250 (Central Europe): if so, specify it with --encoding; otherwise save the file as UTF-8.';
const macAdvice =
  'It looks like the encoding of an older Mac program: try --encoding macintosh and check that names are spelled right (windows-1252 would read them wrongly without an error); otherwise save the file as UTF-8.';

const utf8: Reader = {
  whole(bytes) {
    for (let back = 1; back <= 3 && back <= bytes.length; back += 1) {
      const byte = bytes[bytes.length - back] ?? 0;
      if (byte < 0x80) break;
      if (byte >= 0xc2 && byte <= 0xf4) return back < (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) ? bytes.length - back : bytes.length;
    }
    return bytes.length;
  },
  read(bytes) {
    if (isAscii(bytes)) return { text: bytes.toString('latin1') };
    const text = bytes.toString('utf8');
    if (isUtf8(bytes)) return { text };
    const badAt = firstInvalid(bytes, text);
    const advice = looksLikeMac(bytes) ? macAdvice : windowsAdvice;
    const message = `The byte ${hex(bytes[badAt])} is not UTF-8. ${advice}`;
    return { text: bytes.toString('utf8', 0, badAt), badAt, message };
  },
  byteLength: (text) => Buffer.byteLength(text),
};

/** The first U+FFFD of the lenient reading that is not written as such in the file. */
function firstInvalid(bytes: Buffer, lenient: string): number {
  let offset = 0;
  let from = 0;
  for (;;) {
    const at = lenient.indexOf('\uFFFD', from);
    if (at === -1) return bytes.length;
    offset += Buffer.byteLength(lenient.slice(from, at));
    if (bytes.toString('hex', offset, offset + 3) !== 'efbfbd') return offset;
    offset += 3;
    from = at + 1;
  }
}

const loneSurrogate = /[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/;

const utf16 = (encoding: string): Reader => {
  const bigEndian = encoding === 'utf-16be';
  return {
    whole(bytes) {
      const even = bytes.length & ~1;
      if (even === 0) return 0;
      const lastHigh = bytes[bigEndian ? even - 2 : even - 1] ?? 0;
      // Half a pair waits for the other half.
      return lastHigh >= 0xd8 && lastHigh <= 0xdb ? even - 2 : even;
    },
    read(bytes) {
      const text = (bigEndian ? Buffer.from(bytes).swap16() : bytes).toString('utf16le');
      if (text.isWellFormed()) return { text };
      const at = text.search(loneSurrogate);
      const unit = text.charCodeAt(at).toString(16).toUpperCase();
      return {
        text: text.slice(0, at),
        badAt: at * 2,
        message: `U+${unit} is half of a pair without its other half, so this is not ${encoding}: save the file again.`,
      };
    },
    byteLength: (text) => text.length * 2,
  };
};

const isTrail = (byte: number | undefined): boolean => byte !== undefined && byte >= 0x40 && byte <= 0xfc && byte !== 0x7f;
const isLead = (byte: number): boolean => (byte >= 0x81 && byte <= 0x9f) || (byte >= 0xe0 && byte <= 0xfc);

/** Japanese: one byte or two; the second one may be an ASCII letter, so characters are counted from the beginning. */
const shiftJis: Reader = {
  whole(bytes) {
    let at = 0;
    while (at < bytes.length) {
      if (!isLead(bytes[at] as number)) at += 1;
      else if (at + 1 === bytes.length) return at;
      else at += isTrail(bytes[at + 1]) ? 2 : 1;
    }
    return at;
  },
  read(bytes) {
    if (isAscii(bytes)) return { text: bytes.toString('latin1') };
    const text = iconv.decode(bytes, 'shift_jis');
    const at = text.indexOf('\uFFFD');
    if (at === -1) return { text };
    const before = text.slice(0, at);
    const badAt = iconv.encode(before, 'shift_jis').length;
    const message = `The byte ${hex(bytes[badAt])} means nothing in shift_jis: the file is in another encoding, name that one with --encoding.`;
    return { text: before, badAt, message };
  },
  byteLength: (text) => iconv.encode(text, 'shift_jis').length,
};

/** All of them have ASCII as their lower half. */
const singleByte = (encoding: string): Reader => {
  const table = iconv.decode(Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)), encoding);
  const unassigned = [...table].flatMap((character, byte) => (character === '\uFFFD' ? [byte] : []));
  return {
    whole: (bytes) => bytes.length,
    read(bytes) {
      if (isAscii(bytes)) return { text: bytes.toString('latin1') };
      const found = unassigned.map((byte) => bytes.indexOf(byte)).filter((at) => at !== -1);
      if (found.length === 0) return { text: iconv.decode(bytes, encoding) };
      const badAt = Math.min(...found);
      const message = `The byte ${hex(bytes[badAt])} is not valid in ${encoding}: the file has another encoding; specify it with --encoding.`;
      return { text: iconv.decode(bytes.subarray(0, badAt), encoding), badAt, message };
    },
    byteLength: (text) => text.length,
  };
};
