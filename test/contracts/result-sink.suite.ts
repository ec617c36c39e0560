/** What every ResultSink must hold. */
import { afterEach, describe, expect, it } from 'vitest';
import type { OutboxEntry, ResultSink } from '../../batches/ports/result-sink.ts';

/** One place of results, opened by one process after the other. */
export interface ResultSinkWorld {
  /** As the next process would, with the mark that the ledger keeps. */
  readonly open: (mark: string | null) => Promise<ResultSink>;
  /** Everything a reader finds, in order; each event id once, where a reader must see to that himself. */
  readonly read: () => Promise<readonly unknown[]>;
  readonly close: () => Promise<void>;
}

export const outboxEntry = (number: number, more: object = {}): OutboxEntry => {
  const eventId = `00000000-0000-5000-8000-${String(number).padStart(12, '0')}`;
  const event = {
    event_id: eventId,
    status: 'succeeded',
    batch_id: 'b',
    source: { file: 'may.csv', line: number },
    occurred_at: '2026-11-21T08:00:00.000Z',
  };
  return { number, eventId, json: JSON.stringify({ ...event, number, ...more }) };
};
const group = (...numbers: number[]): OutboxEntry[] => numbers.map((number) => outboxEntry(number));

export function resultSinkSuite(name: string, create: () => Promise<ResultSinkWorld>): void {
  describe(`result sink contract: ${name}`, () => {
    let world: ResultSinkWorld | undefined;
    const sinks: ResultSink[] = [];
    afterEach(async () => {
      for (const sink of sinks.splice(0)) await sink.close();
      await world?.close();
      world = undefined;
    });
    const start = async (): Promise<ResultSinkWorld> => (world = await create());
    const open = async (mark: string | null): Promise<ResultSink> => {
      const sink = await (world as ResultSinkWorld).open(mark);
      sinks.push(sink);
      return sink;
    };
    const numbers = async (): Promise<unknown[]> =>
      (await (world as ResultSinkWorld).read()).map((event) => (event as { number: unknown }).number);

    it('publishes in order, and events can be read when it resolves', async () => {
      await start();
      const sink = await open(null);
      await sink.publish(group(1, 2, 3));
      expect(await numbers()).toEqual([1, 2, 3]);
      await sink.publish(group(4));
      expect(await numbers()).toEqual([1, 2, 3, 4]);
    });

    it('keeps the order of calls that overlap', async () => {
      await start();
      const sink = await open(null);
      await Promise.all(Array.from({ length: 20 }, (_, n) => sink.publish(group(2 * n, 2 * n + 1))));
      expect(await numbers()).toEqual(Array.from({ length: 40 }, (_, n) => n));
    });

    it('an empty group changes nothing', async () => {
      await start();
      const sink = await open(null);
      const { mark } = await sink.publish(group(1));
      expect(await sink.publish([])).toEqual({ mark });
      expect(await numbers()).toEqual([1]);
    });

    it('continues after a clean end', async () => {
      await start();
      const first = await open(null);
      const { mark } = await first.publish(group(1, 2));
      await first.close();
      await (await open(mark)).publish(group(3));
      expect(await numbers()).toEqual([1, 2, 3]);
    });

    it('does not write again what a former process wrote without noting it', async () => {
      await start();
      const first = await open(null);
      const { mark } = await first.publish(group(1, 2));
      await first.publish(group(3, 4));
      await first.close();
      const second = await open(mark);
      const told = await second.publish(group(3, 4, 5));
      expect(await numbers()).toEqual([1, 2, 3, 4, 5]);
      await second.close();
      await (await open(told.mark)).publish(group(6));
      expect(await numbers()).toEqual([1, 2, 3, 4, 5, 6]);
    });

    it('does not write it again either when not even the first group was noted', async () => {
      await start();
      const first = await open(null);
      await first.publish(group(1, 2));
      await first.close();
      await (await open(null)).publish(group(1, 2, 3));
      expect(await numbers()).toEqual([1, 2, 3]);
    });

    it('keeps every character of an event', async () => {
      await start();
      const odd = 'ž 中 \u2028 "\\n" 😀';
      await (await open(null)).publish([outboxEntry(1, { odd })]);
      expect(await (world as ResultSinkWorld).read()).toMatchObject([{ odd }]);
    });

    it('close is idempotent', async () => {
      await start();
      const sink = await open(null);
      await sink.close();
      await sink.close();
      await expect(sink.publish(group(1))).rejects.toThrow(/closed/);
    });
  });
}
