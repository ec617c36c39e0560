/** A gateway that answers whatever a test says, and remembers what it was asked. */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ScriptedCall {
  /** The path behind `/api/v1/`. */
  readonly method: string;
  readonly body: {
    readonly metadata?: { readonly record_id: string; readonly attempt: number; readonly idempotency_key: string };
    readonly amount_details?: object;
    readonly session_id?: string;
  };
  readonly key: string | undefined;
  /** How many calls of this method came before. */
  readonly before: number;
}

/** `lost`: the connection ends without an answer. A text is sent as it is, anything else as JSON. */
export type ScriptedAnswer =
  | 'lost'
  | { readonly status?: number; readonly body: unknown; readonly headers?: Readonly<Record<string, string>>; readonly delayMs?: number };

export interface ScriptedGateway {
  readonly url: string;
  readonly calls: readonly ScriptedCall[];
  /** Record ids of the init calls, in their order. */
  inits(): string[];
  close(): Promise<void>;
}

const accepted: ScriptedAnswer = { body: { status: 'ok', wallets: [] } };

export async function startScriptedGateway(answer: (call: ScriptedCall) => ScriptedAnswer): Promise<ScriptedGateway> {
  const calls: ScriptedCall[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const method = (request.url ?? '').replace('/api/v1/', '');
      const key = request.headers['x-partner-idempotency-key'];
      const call: ScriptedCall = {
        method,
        body: JSON.parse(Buffer.concat(chunks).toString('utf8')) as ScriptedCall['body'],
        key: typeof key === 'string' ? key : undefined,
        before: calls.filter((one) => one.method === method).length,
      };
      calls.push(call);
      reply(response, method === 'wallet/balance' ? accepted : answer(call));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    inits: () => calls.filter(({ method }) => method.startsWith('session/init/')).map(({ body }) => body.metadata?.record_id ?? ''),
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => void server.close(() => resolve()));
    },
  };
}

function reply(response: ServerResponse, answer: ScriptedAnswer): void {
  if (answer === 'lost') return void response.destroy();
  const { status = 200, body, headers = {}, delayMs = 0 } = answer;
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const type = typeof body === 'string' ? 'text/html' : 'application/json';
  setTimeout(() => response.writeHead(status, { 'content-type': type, ...headers }).end(text), delayMs);
}
