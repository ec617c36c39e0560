/** The body of an answer of the gateway as JSON. */
import { depthOf } from '../batches/fields/json-depth.ts';
import { parseStrictJson } from '../batches/fields/strict-json.ts';
import { maxSessionDepth } from '../batches/gateway/session.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Undefined for anything else: invalid UTF-8, cut off, empty, HTML, nested too deeply, a member that is there twice. */
export function readAnswerJson(bytes: Uint8Array): unknown {
  try {
    const text = utf8.decode(bytes);
    return depthOf(text) > maxSessionDepth ? undefined : parseStrictJson(text);
  } catch {
    return undefined;
  }
}
