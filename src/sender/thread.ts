/**
 * The thread that sends what has a window. It does nothing else, so that no garbage collection, no message and no page of
 * work of the main thread makes a first byte late.
 */
import { uptime } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import type { GatewayResponse } from '../../batches/gateway/gateway-response.ts';
import { exchange } from '../../producers/exchange.ts';
import { openPool } from '../../producers/gateway.ts';
import { transportAnswer } from '../../producers/transport.ts';
import { monotonicClock, preciseClock } from '../clock.ts';
import { threadsNow, type FromSender, type SenderOptions, type SendRequest, type ToSender } from './messages.ts';
import { createTimedLine } from './timed-line.ts';

const port = parentPort;
if (port === null) throw new Error('the sender runs in a thread of its own');
const { url, connections, ca, precise } = workerData as SenderOptions;
const pool = openPool(url, connections, ca === undefined ? {} : { ca });
const line = createTimedLine({ now: threadsNow, sleep: (precise ? preciseClock : monotonicClock).sleep });
/** In the turn in which a connection is there: the call that waited for it starts then, and its window was shorter than that. */
let isConnected = false;
pool.on('connect', () => {
  isConnected = true;
  setImmediate(() => (isConnected = false));
});

const answer = (id: number, response: GatewayResponse): void => {
  const bytes = response.type === 'answer' && response.json instanceof Uint8Array ? response.json : undefined;
  port.postMessage({ id, response } satisfies FromSender, bytes === undefined ? [] : [bytes.buffer as ArrayBuffer]);
};
const heldBack = (why: string): GatewayResponse => transportAnswer('lease_over', why);

const take = ({ id, window, lastUptime, ...call }: SendRequest): void =>
  line.add({
    window,
    drop: () => answer(id, heldBack('its permit was over')),
    start() {
      const mayStart = (): boolean => {
        if (uptime() > lastUptime || (!isConnected && threadsNow() > window.to)) return false;
        line.started();
        return true;
      };
      // A copy, as only whole buffers are handed over.
      const read = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes);
      const sent = exchange(pool, { ...call, body: Buffer.from(call.body), mayStart, read, now: Date.now });
      void sent.then((response) => answer(id, response));
    },
  });

port.on('message', (message: ToSender) => {
  if (message.type === 'send') take(message);
  else line.recall();
  if (message.type === 'close') void pool.close().then(() => port.close());
});
