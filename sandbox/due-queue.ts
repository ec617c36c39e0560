/** Work that is due at a time: one heap and one alarm for all of it, and a bound on what is under way at once. */
import type { Clock } from './clock.ts';
import { createDueHeap } from './due-heap.ts';

export interface DueQueue<Item> {
  push(item: Item): void;
  readonly isClosed: boolean;
  close(): void;
}

/** @property start begins the work of an item; returns undefined when there is nothing to wait for, else a promise that never rejects */
interface DueQueueDeps<Item> {
  readonly clock: Clock;
  readonly concurrency: number;
  readonly start: (item: Item, nowMs: number) => Promise<void> | undefined;
}

export function createDueQueue<Item extends { readonly dueAtMs: number }>(deps: DueQueueDeps<Item>): DueQueue<Item> {
  const { clock, concurrency, start } = deps;
  const heap = createDueHeap<Item>();
  let inFlight = 0;
  let isClosed = false;
  let alarm: { readonly atMs: number; readonly cancel: () => void } | undefined;

  function arm(): void {
    const nextMs = heap.nextDueAtMs();
    // At the limit of concurrency the next completion pumps again.
    if (isClosed || nextMs === undefined || inFlight >= concurrency || (alarm !== undefined && alarm.atMs <= nextMs)) return;
    alarm?.cancel();
    alarm = {
      atMs: nextMs,
      cancel: clock.setAlarm(Math.max(0, nextMs - clock.nowMs()), () => {
        alarm = undefined;
        pump();
      }),
    };
  }

  function pump(): void {
    const nowMs = clock.nowMs();
    while (!isClosed && inFlight < concurrency && (heap.nextDueAtMs() ?? Infinity) <= nowMs) {
      const item = heap.pop();
      const work = item === undefined ? undefined : start(item, nowMs);
      if (work !== undefined) void finish(work);
    }
    arm();
  }

  async function finish(work: Promise<void>): Promise<void> {
    inFlight += 1;
    await work;
    inFlight -= 1;
    if (!isClosed) pump();
  }

  return {
    get isClosed() {
      return isClosed;
    },
    push(item) {
      heap.push(item);
      arm();
    },
    close() {
      isClosed = true;
      alarm?.cancel();
    },
  };
}
