/** A merchant that listens to webhooks, and a sandbox that sends them to it. For test files that register its hooks by importing it. */
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, vi } from 'vitest';
import type { SandboxOptions } from '../../sandbox/server.ts';
import { patience } from '../support/patience.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';
import { openSandbox } from './gateway-calls.ts';
import type { ShownSession } from './gateway-calls.ts';

export const settleMs = 1000;

interface Webhook {
  readonly type: string;
  readonly session: ShownSession;
  readonly raw: Buffer;
  readonly signature: string | undefined;
}

/** A merchant that stores its webhooks and responds as configured; `silence`: closes the connection, `later`: waits for the next `answer`. */
function openMerchant() {
  const received: Webhook[] = [];
  let answer: number | 'silence' | 'later' = 200;
  const waiting: ServerResponse[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const raw = Buffer.concat(chunks);
      const signature = request.headers['x-partner-sign'];
      received.push({ ...(JSON.parse(raw.toString()) as Pick<Webhook, 'type' | 'session'>), raw, signature: signature?.toString() });
      if (answer === 'later') waiting.push(response);
      else if (answer === 'silence') request.socket.destroy();
      else response.writeHead(answer).end();
    });
  });
  return {
    received,
    listen: () => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)),
    url: () => `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    answer: (next: number | 'silence' | 'later') => {
      answer = next;
      if (typeof next === 'number') for (const response of waiting.splice(0)) response.writeHead(next).end();
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

let current: ReturnType<typeof openMerchant>;
/** The merchant of the running test. */
export const merchant = (): ReturnType<typeof openMerchant> => current;
beforeEach(async () => {
  current = openMerchant();
  await current.listen();
});
afterEach(() => current.close());

export const received = (count: number) => vi.waitFor(() => expect(current.received.length).toBe(count), patience);
export const story = () =>
  current.received.map(({ type, session }) => `${type} ${session.status} ${(session.payments ?? session.acquiring_payments)?.[0]?.status}`);

export async function openTalking(faults: SandboxOptions['faults'] = {}, more: Partial<SandboxOptions> = {}) {
  const clock = createVirtualClock();
  const logged: string[] = [];
  const sandbox = await openSandbox({
    clock,
    settleMs,
    faults,
    webhookUrl: current.url(),
    log: (message) => logged.push(message),
    ...more,
  });
  /** Waits until the sandbox has set an alarm, advances the clock to it, and returns its delay. */
  const toNextAlarm = async (): Promise<number> => {
    const ms = await vi.waitFor(() => {
      const next = clock.nextAlarmInMs();
      if (next === undefined) throw new Error('no alarm is set');
      return next;
    }, patience);
    clock.advance(ms);
    return ms;
  };
  return { clock, logged, sandbox, toNextAlarm };
}
