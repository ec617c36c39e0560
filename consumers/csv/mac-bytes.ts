/** Whether bytes that are no UTF-8 look like the encoding of older Mac programs, where letters are at 0x80 to 0x9F. */

/** Punctuation of windows-1252 that follows a letter in ordinary text: ellipsis and closing quotes. */
const closing = new Set([0x85, 0x92, 0x94]);
/** Opening quotes of windows-1252: after a letter they are none. */
const opening = new Set([0x82, 0x84, 0x91, 0x93]);

const isLower = (byte: number | undefined): boolean => byte !== undefined && byte >= 0x61 && byte <= 0x7a;
const isLetter = (byte: number | undefined): boolean => byte !== undefined && isLower(byte | 0x20);

export function looksLikeMac(bytes: Uint8Array): boolean {
  let mac = 0;
  let windows = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at] as number;
    if (byte < 0x80) continue;
    const [before, after] = [bytes[at - 1], bytes[at + 1]];
    if (byte >= 0xc0) windows += isLower(before) || isLower(after) ? 1 : 0;
    else if (byte > 0x9f || closing.has(byte)) continue;
    else if (opening.has(byte)) mac += isLetter(before) ? 1 : 0;
    else mac += isLower(before) || (isLetter(before) && isLetter(after)) || isLower(after) ? 1 : 0;
  }
  return mac > windows;
}
