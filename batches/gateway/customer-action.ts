/** What the payer has to do before a payment goes on, as the gateway shows it: only members that are known, within bounds. */

/** @property type as the gateway names it, such as `redirect` */
export interface CustomerAction {
  readonly type: string;
  readonly url?: string;
  readonly method?: 'GET' | 'POST';
  readonly params?: Readonly<Record<string, string>>;
}

type JsonMap = Readonly<Record<string, unknown>>;

const toMap = (value: unknown): JsonMap | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonMap) : undefined;

const typePattern = /^[A-Za-z][\w-]{0,63}$/;
/** No member ever carries a card number. */
const cardPattern = /^\d{12,19}$/;
const maxUrlLength = 2_048;
const maxParams = 32;
const maxNameLength = 128;
const maxParamsLength = 8_192;

class UnsafeError extends Error {}

function safeUrl(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string' || value.length > maxUrlLength || !URL.canParse(value)) throw new UnsafeError();
  const { protocol, username, password } = new URL(value);
  if ((protocol !== 'https:' && protocol !== 'http:') || username !== '' || password !== '') throw new UnsafeError();
  return value;
}

function safeMethod(value: unknown): 'GET' | 'POST' | undefined {
  if (value === undefined || value === null) return undefined;
  const method = typeof value === 'string' ? value.toUpperCase() : '';
  if (method !== 'GET' && method !== 'POST') throw new UnsafeError();
  return method;
}

function safeParams(value: unknown): Readonly<Record<string, string>> | undefined {
  // An empty list is how some servers write an empty object.
  if (value === undefined || value === null || (Array.isArray(value) && value.length === 0)) return undefined;
  const map = toMap(value);
  if (map === undefined) throw new UnsafeError();
  const members = Object.entries(map).map(([name, member]): [string, string] => {
    if (typeof member !== 'string' && typeof member !== 'number') throw new UnsafeError();
    const text = String(member);
    if (name === '' || name.length > maxNameLength || cardPattern.test(text)) throw new UnsafeError();
    return [name, text];
  });
  const length = members.reduce((sum, [name, text]) => sum + name.length + text.length, 0);
  if (members.length > maxParams || length > maxParamsLength) throw new UnsafeError();
  return members.length === 0 ? undefined : Object.fromEntries(members);
}

/**
 * @param value `{"type", "url", "method", "params"}`, or `{"type": "redirect", "redirect": {"url", "method", "params"}}`
 * @returns null when it is no action; only its type when a member of it is none that may be handed on, since a part of an
 *   action would lead the payer astray
 */
export function readCustomerAction(value: unknown): CustomerAction | null {
  const map = toMap(value);
  const type = map?.['type'];
  if (map === undefined || typeof type !== 'string' || !typePattern.test(type)) return null;
  const about = toMap(map[type]) ?? map;
  try {
    const [url, method, params] = [safeUrl(about['url']), safeMethod(about['method']), safeParams(about['params'])];
    return {
      type,
      ...(url === undefined ? {} : { url }),
      ...(method === undefined ? {} : { method }),
      ...(params === undefined ? {} : { params }),
    };
  } catch (cause) {
    if (cause instanceof UnsafeError) return { type };
    throw cause;
  }
}
