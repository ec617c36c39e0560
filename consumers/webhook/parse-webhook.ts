/** The bytes of a webhook whose signature is verified, as text and as JSON. */
import { DuplicateMemberError, parseStrictJson } from '../../batches/fields/strict-json.ts';
import { readSession, toMap, type GatewaySession } from '../../batches/gateway/session.ts';
import { webhookTypes, type Webhook, type WebhookType } from '../../batches/record/webhook-evidence.ts';

export type WebhookFault = 'not_json' | 'member_twice' | 'too_deep' | 'no_session' | 'session_unreadable';

export type WebhookParsing =
  | { readonly ok: true; readonly webhook: Webhook; readonly session: GatewaySession }
  | { readonly ok: false; readonly fault: WebhookFault; readonly message: string; readonly type: Webhook['type'] };

/** Far deeper than any session; a parser that calls itself for every level must not meet more. */
const maxDepth = 64;

const refuse = (fault: WebhookFault, message: string, type: Webhook['type'] = 'other'): WebhookParsing => ({
  ok: false,
  fault,
  message,
  type,
});

export function parseWebhook(bytes: Uint8Array): WebhookParsing {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return refuse('not_json', 'The body is not UTF-8.');
  }
  if (depthOf(text) > maxDepth) return refuse('too_deep', `The body is nested deeper than ${maxDepth} levels.`);
  let json: unknown;
  try {
    json = parseStrictJson(text);
  } catch (cause) {
    return cause instanceof DuplicateMemberError
      ? refuse('member_twice', 'A member of the body is there twice.')
      : refuse('not_json', 'The body is not JSON.');
  }
  const body = toMap(json);
  const type = webhookTypes.find((one) => one === body?.['type']) ?? ('other' satisfies Exclude<Webhook['type'], WebhookType>);
  const read = readSession(body?.['session']);
  if (read.type === 'none') return refuse('no_session', 'The body has no session.', type);
  if (read.type === 'unreadable') return refuse('session_unreadable', 'The session of the body cannot be read.', type);
  return { ok: true, webhook: { type, session: body?.['session'] }, session: read.session };
}

/** How deep brackets are nested outside texts, whether or not the text is JSON. */
function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  let isInText = false;
  for (let index = 0; index < text.length; index += 1) {
    const sign = text[index];
    if (sign === '"') isInText = !isInText;
    else if (isInText) index += sign === '\\' ? 1 : 0;
    else if (sign === '[' || sign === '{') deepest = Math.max(deepest, (depth += 1));
    else if (sign === ']' || sign === '}') depth -= 1;
  }
  return deepest;
}
