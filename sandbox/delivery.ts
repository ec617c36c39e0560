/** One POST to the merchant: signed when there is a key, without redirects, and with a time limit. */
import http from 'node:http';
import https from 'node:https';

const timeoutMs = 10_000;

type DeliveryResult = { readonly accepted: true } | { readonly accepted: false; readonly why: string };

export interface Delivery {
  /** Never rejects. Any 2xx counts as accepted. */
  post(body: Buffer): Promise<DeliveryResult>;
  close(): void;
}

/** @throws Error when the address is not an http or https URL */
export function createDelivery(params: { readonly url: string; readonly sign: ((raw: Buffer) => Promise<string>) | undefined }): Delivery {
  const url = URL.parse(params.url);
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new Error(`the webhook address must be an http or https URL, not "${params.url}"`);
  const client = url.protocol === 'https:' ? https : http;
  const agent = new client.Agent({ keepAlive: true });
  const closing = new AbortController();

  const send = (body: Buffer, headers: http.OutgoingHttpHeaders): Promise<DeliveryResult> =>
    new Promise((resolve) => {
      const request = client.request(url, { method: 'POST', agent, headers, signal: closing.signal });
      const timeout = setTimeout(() => request.destroy(new Error('no response')), timeoutMs);
      request.on('response', (response) => {
        const status = response.statusCode ?? 0;
        resolve(status >= 200 && status < 300 ? { accepted: true } : { accepted: false, why: `HTTP ${status}` });
        response.on('error', () => {});
        response.resume();
      });
      request.on('error', (error) => resolve({ accepted: false, why: error.message }));
      request.on('close', () => clearTimeout(timeout));
      request.end(body);
    });

  return {
    async post(body) {
      try {
        const headers: http.OutgoingHttpHeaders = { 'content-type': 'application/json', 'content-length': body.length };
        if (params.sign !== undefined) headers['X-PARTNER-SIGN'] = await params.sign(body);
        return closing.signal.aborted ? { accepted: false, why: 'the sandbox is closed' } : await send(body, headers);
      } catch (error) {
        return { accepted: false, why: error instanceof Error ? error.message : 'unknown error' };
      }
    },
    close() {
      closing.abort();
      agent.destroy();
    },
  };
}
