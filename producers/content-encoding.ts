/** The body of an answer as it was before it was compressed, which no request of ours asks for and proxies do. */
import { brotliDecompressSync, gunzipSync, inflateSync, zstdDecompressSync } from 'node:zlib';

type Decoder = (bytes: Uint8Array, options: { readonly maxOutputLength: number }) => Uint8Array;

const decoders: Readonly<Record<string, Decoder>> = {
  gzip: gunzipSync,
  'x-gzip': gunzipSync,
  deflate: inflateSync,
  br: brotliDecompressSync,
  zstd: zstdDecompressSync,
};
/** One is usual; more only make a small body large. */
const maxEncodings = 2;

/**
 * @param encoding the header `content-encoding`
 * @param maxBytes of what comes out
 * @returns undefined for an encoding that is not known, or bytes that are not of it
 */
export function decodeBody(
  bytes: Uint8Array,
  encoding: string | readonly string[] | undefined,
  maxBytes: number,
): Uint8Array | 'too_large' | undefined {
  if (encoding === undefined) return bytes;
  const names = [encoding]
    .flat()
    .flatMap((value) => value.split(','))
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '' && name !== 'identity');
  if (names.length > maxEncodings) return undefined;
  let decoded = bytes;
  for (const name of names.toReversed()) {
    const decoder = Object.hasOwn(decoders, name) ? decoders[name] : undefined;
    if (decoder === undefined) return undefined;
    try {
      decoded = decoder(decoded, { maxOutputLength: maxBytes });
    } catch (cause) {
      return cause instanceof RangeError && 'code' in cause && cause.code === 'ERR_BUFFER_TOO_LARGE' ? 'too_large' : undefined;
    }
  }
  return decoded;
}
