/** One POST to the merchant: signed when there is a key, never redirected, and silence ends it. */
import http from 'node:http';
import https from 'node:https';

const silenceMs = 10_000;

type DeliveryAnswer = { readonly taken: true } | { readonly taken: false; readonly why: string };

export interface Delivery {
  /** Never rejects. Any 2xx counts as taken. */
  post(body: Buffer): Promise<DeliveryAnswer>;
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

  const send = (body: Buffer, headers: http.OutgoingHttpHeaders): Promise<DeliveryAnswer> =>
    new Promise((resolve) => {
      const request = client.request(url, { method: 'POST', agent, headers, signal: closing.signal });
      const silence = setTimeout(() => request.destroy(new Error('no answer')), silenceMs);
      request.on('response', (response) => {
        const status = response.statusCode ?? 0;
        resolve(status >= 200 && status < 300 ? { taken: true } : { taken: false, why: `answered ${status}` });
        response.on('error', () => {});
        response.resume();
      });
      request.on('error', (error) => resolve({ taken: false, why: error.message }));
      request.on('close', () => clearTimeout(silence));
      request.end(body);
    });

  return {
    async post(body) {
      try {
        const headers: http.OutgoingHttpHeaders = { 'content-type': 'application/json', 'content-length': body.length };
        if (params.sign !== undefined) headers['X-PARTNER-SIGN'] = await params.sign(body);
        return closing.signal.aborted ? { taken: false, why: 'the sandbox is closed' } : await send(body, headers);
      } catch (error) {
        return { taken: false, why: error instanceof Error ? error.message : 'it could not be sent' };
      }
    },
    close() {
      closing.abort();
      agent.destroy();
    },
  };
}
