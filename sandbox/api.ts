/** From the raw bytes of a call to a response: project, signature, JSON, method. */
import { isUtf8 } from 'node:buffer';
import type { IncomingHttpHeaders } from 'node:http';
import type { Json } from './body-rules.ts';
import { gatewayError } from './errors.ts';
import { refusal } from './method.ts';
import type { Method, Reply } from './method.ts';

export interface ApiDeps {
  readonly idempotencyHeader: string;
  readonly verify: ((raw: Buffer, signature: string | undefined) => boolean) | undefined;
  /** A page of a proxy before the gateway instead of any answer. */
  readonly maintenance: (method: string, raw: Buffer) => Reply | undefined;
  readonly log: (message: string) => void;
}

interface ApiCall {
  readonly name: string;
  readonly headers: IncomingHttpHeaders;
  readonly raw: Buffer;
  readonly nowMs: number;
}

export interface Api {
  /** Never throws. */
  answer(method: Method, call: ApiCall): Reply;
  keyOf(headers: IncomingHttpHeaders): string | null;
}

export function createApi({ idempotencyHeader, verify, maintenance, log }: ApiDeps): Api {
  const keyHeader = idempotencyHeader.toLowerCase();
  const header = (headers: IncomingHttpHeaders, name: string): string | undefined => {
    const value = headers[name];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const keyOf = (headers: IncomingHttpHeaders): string | null => header(headers, keyHeader) ?? null;

  function parse(raw: Buffer): { readonly body: Json } | undefined {
    try {
      return isUtf8(raw) ? { body: JSON.parse(raw.toString('utf8')) as Json } : undefined;
    } catch {
      return undefined;
    }
  }

  return {
    keyOf,
    answer(method, { name, headers, raw, nowMs }) {
      const page = maintenance(name, raw);
      if (page !== undefined) return page;
      const project = header(headers, 'x-partner-project');
      if (project === undefined) return refusal(gatewayError('identification_error', 'X-PARTNER-PROJECT is missing'));
      if (verify !== undefined && !verify(raw, header(headers, 'x-partner-sign')))
        return refusal(gatewayError('authentication_error', 'X-PARTNER-SIGN does not match the body'));
      const parsed = parse(raw);
      if (parsed === undefined) return refusal(gatewayError('invalid_request', 'The body is not JSON'));
      try {
        return method({ project, idempotencyKey: keyOf(headers), body: parsed.body, raw, nowMs });
      } catch (error) {
        // A body that is nested too deeply to be serialised ends here, before anything is recorded.
        log(`internal error: ${error instanceof Error ? error.message : 'unknown'}`);
        return refusal(gatewayError('internal_error', 'Internal error'));
      }
    },
  };
}
