/** Lets pages know that something has changed: one look at the ledger a second, however many pages are open, and none without. */
import { createHash } from 'node:crypto';
import type { Clock } from '../../batches/ports/clock.ts';
import { Refusal } from './access/guard.ts';

/** @property look what pages show, in short; a failure counts as no change */
export interface LiveParams {
  readonly clock: Clock;
  readonly look: () => Promise<unknown>;
}

export interface Live {
  /** @throws {Refusal} when too many pages listen */
  open(signal: AbortSignal): Response;
  close(): void;
}

const everyMs = 1_000;
/** A proxy must not take a quiet stream for a dead one. */
const aliveMs = 15_000;
const mostStreams = 64;

type Send = (text: string) => void;

export function createLive({ clock, look }: LiveParams): Live {
  const streams = new Map<Send, () => void>();
  const stopped = new AbortController();
  let seen = '';
  let running = false;

  const digest = async (): Promise<string> => {
    const text = JSON.stringify(await look(), (_name, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
    return createHash('sha256').update(text).digest('base64url').slice(0, 16);
  };
  const watch = async (): Promise<void> => {
    let quietSince = clock.now();
    while (streams.size > 0 && !stopped.signal.aborted) {
      const found = await digest().catch(() => seen);
      const [changed, now] = [found !== seen, clock.now()];
      seen = found;
      if (changed || now - quietSince >= aliveMs) {
        quietSince = now;
        for (const send of streams.keys()) send(changed ? `event: change\ndata: ${found}\n\n` : ': still here\n\n');
      }
      await clock.sleep(everyMs, stopped.signal).catch(() => undefined);
    }
    running = false;
  };
  const start = (): void => {
    if (running) return;
    running = true;
    void watch();
  };
  return {
    open(signal) {
      if (streams.size >= mostStreams)
        throw new Refusal(503, 'too_many_pages', 'Too many pages are open. This page does not change by itself.');
      const encoder = new TextEncoder();
      let leave = (): void => undefined;
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          const send: Send = (text) => controller.enqueue(encoder.encode(text));
          leave = () => {
            if (!streams.delete(send)) return;
            controller.close();
          };
          streams.set(send, leave);
          send(`retry: 2000\nevent: hello\ndata: ${seen}\n\n`);
          start();
        },
        cancel: () => leave(),
      });
      signal.addEventListener('abort', () => leave(), { once: true });
      return new Response(body, {
        headers: { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store', 'x-accel-buffering': 'no' },
      });
    },
    close() {
      stopped.abort(new Error('closed'));
      for (const leave of [...streams.values()]) leave();
    },
  };
}
