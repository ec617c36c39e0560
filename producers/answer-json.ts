/** The body of an answer of the gateway as JSON. */
import { parseStrictJson } from '../batches/fields/strict-json.ts';
import { maxSessionDepth } from '../batches/gateway/session.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Undefined for anything else: invalid UTF-8, cut off, empty, HTML, nested too deeply, a member that is there twice. */
export function readAnswerJson(bytes: Uint8Array): unknown {
  try {
    return parseStrictJson(utf8.decode(bytes), maxSessionDepth);
  } catch {
    return undefined;
  }
}
