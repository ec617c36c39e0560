/** Calls that are sent in a thread of their own, each in its window. */
import { uptime } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { GatewayResponse } from '../../batches/gateway/gateway-response.ts';
import type { PermitWindow } from '../../batches/ports/limiter.ts';
import type { TimedSender } from '../../producers/gateway.ts';
import { transportAnswer } from '../../producers/transport.ts';
import { threadsNow, type FromSender, type SenderOptions, type ToSender } from './messages.ts';

/** A window is at most so far ahead; what is later was suspended with the machine meanwhile. */
const latestSeconds = 2;
/** A thread that only sends holds little. */
const heap = { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 64 };

export interface Sender extends TimedSender {
  /** Nothing that has not started may start: it is answered as not sent. */
  recall(): void;
  /** Ends the thread at once, whatever it has in flight. */
  terminate(): Promise<void>;
}

/**
 * @param now the clock of the windows
 * @param onEnd called when the thread ends by itself: nothing more can be sent
 */
export function startSender(
  options: SenderOptions,
  { now, onEnd }: { readonly now: () => number; readonly onEnd: (cause: Error) => void },
): Sender {
  const file = import.meta.url.endsWith('.ts') ? './thread.ts' : './thread.js';
  const worker = new Worker(new URL(file, import.meta.url), { workerData: options, resourceLimits: heap });
  const pending = new Map<number, (response: GatewayResponse) => void>();
  let calls = 0;
  let ended = false;
  let closing: Promise<void> | undefined;
  const tell = (message: ToSender, transfer: readonly ArrayBuffer[] = []): void => worker.postMessage(message, transfer);
  const inThreads = ({ from, to, spacingMs }: PermitWindow): PermitWindow => {
    const distance = threadsNow() - now();
    return { from: from + distance, to: to + distance, spacingMs };
  };
  const exited = new Promise<void>((resolve) => {
    worker.once('exit', () => {
      ended = true;
      // What became of them is not known.
      for (const resolveOne of pending.values()) resolveOne(transportAnswer('transport_other', 'the thread that sent it has ended'));
      pending.clear();
      resolve();
      if (closing === undefined) onEnd(new Error('the thread that sends has ended'));
    });
  });
  worker.on('message', ({ id, response }: FromSender) => {
    pending.get(id)?.(response);
    pending.delete(id);
  });
  worker.on('error', onEnd);
  // Calls in flight keep the process alive; a thread with nothing to do does not.
  worker.unref();

  return {
    send({ window, body, ...call }) {
      if (ended || closing !== undefined) return Promise.resolve(transportAnswer('lease_over', 'the thread that sends has ended'));
      calls += 1;
      const id = calls;
      const bytes = new Uint8Array(body);
      const { promise, resolve } = Promise.withResolvers<GatewayResponse>();
      pending.set(id, resolve);
      worker.ref();
      tell({ type: 'send', id, ...call, body: bytes, window: inThreads(window), lastUptime: uptime() + latestSeconds }, [bytes.buffer]);
      return promise.finally(() => {
        if (pending.size === 0) worker.unref();
      });
    },
    recall: () => tell({ type: 'recall' }),
    async terminate() {
      await worker.terminate();
    },
    close() {
      worker.ref();
      if (closing === undefined && !ended) tell({ type: 'close' });
      return (closing ??= exited);
    },
  };
}
