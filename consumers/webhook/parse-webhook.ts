/** The bytes of a webhook whose signature is verified, as text and as JSON. */
import { depthOf } from '../../batches/fields/json-depth.ts';
import { DuplicateMemberError, parseStrictJson } from '../../batches/fields/strict-json.ts';
import { maxSessionDepth, readSession, toMap, type GatewaySession } from '../../batches/gateway/session.ts';
import { webhookTypes, type Webhook, type WebhookType } from '../../batches/record/webhook-evidence.ts';

export type WebhookFault = 'not_json' | 'member_twice' | 'too_deep' | 'no_session' | 'session_unreadable';

export type WebhookParsing =
  | { readonly ok: true; readonly webhook: Webhook; readonly session: GatewaySession }
  | { readonly ok: false; readonly fault: WebhookFault; readonly message: string; readonly type: Webhook['type'] };

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
  if (depthOf(text) > maxSessionDepth) return refuse('too_deep', `The body is nested deeper than ${maxSessionDepth} levels.`);
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
