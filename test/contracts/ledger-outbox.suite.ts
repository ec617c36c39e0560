import { beforeEach, describe, expect, it } from 'vitest';
import { resultSchema } from '../../batches/record/result-event.ts';
import type { LedgerUnderTest } from './ledger-harness.ts';
import { admission, batchA, keys, lineOf, manifest, refused } from '../support/builders.ts';
import { moved, recordIn, step } from '../support/ledger-steps.ts';
import { admitOne } from '../../batches/ports/single.ts';

export function outboxSuite(under: LedgerUnderTest): void {
  describe('outbox', () => {
    beforeEach(async () => {
      await under.ledger.openBatch(manifest(batchA));
    });

    const reject = (line: number): Promise<unknown> =>
      admitOne(under.ledger, admission(lineOf(batchA, line), refused({ recordId: `inv-${line}` })));

    it('holds each event as it is published, with its id, in the order of the decisions', async () => {
      await reject(2);
      const sent = await recordIn(under.ledger, 'submitting', 'inv-3', 3);
      await moved(under.ledger, step(sent, { status: 'succeeded' }));
      const entries = await under.ledger.outbox({ limit: 9 });
      const events = entries.map(({ json }) => resultSchema.parse(JSON.parse(json)));
      expect(events.map(({ record_id, status }) => [record_id, status])).toEqual([
        ['inv-2', 'rejected'],
        ['inv-3', 'succeeded'],
      ]);
      expect(entries.map(({ eventId }) => eventId)).toEqual(events.map((event) => event.event_id));
      expect(entries[1]?.eventId).toBe(keys.eventId({ place: `file:${batchA}:3`, attempt: 1, status: 'succeeded', sequence: 1 }));
      expect(entries.every(({ json }) => !json.includes('\n'))).toBe(true);
      expect(entries[0]?.number).toBeLessThan(entries[1]?.number ?? 0);
    });

    it('returns at most the limit, with numbers above the one given', async () => {
      for (const line of [2, 3, 4]) await reject(line);
      const first = await under.ledger.outbox({ limit: 2 });
      expect(first).toHaveLength(2);
      const rest = await under.ledger.outbox({ limit: 2, after: first[1]?.number ?? 0 });
      expect(rest.map(({ json }) => (JSON.parse(json) as { record_id: string }).record_id)).toEqual(['inv-4']);
    });

    it('removes exactly the numbers that were published', async () => {
      for (const line of [2, 3, 4, 5, 6]) await reject(line);
      const numbers = (await under.ledger.outbox({ limit: 9 })).map(({ number }) => number);
      await under.ledger.published({ numbers: [numbers[3], numbers[0], numbers[1]].filter((number) => number !== undefined), mark: null });
      const ledger = await under.reopen();
      expect((await ledger.outbox({ limit: 9 })).map(({ number }) => number)).toEqual([numbers[2], numbers[4]]);
      // Published once more, as after a crash: nothing else goes.
      await ledger.published({ numbers: numbers.slice(0, 2), mark: null });
      expect(await ledger.outbox({ limit: 9 })).toHaveLength(2);
      await ledger.published({ numbers: [], mark: null });
      expect(await ledger.outbox({ limit: 9 })).toHaveLength(2);
    });

    it('never reuses a number, not even after every event was published and removed', async () => {
      await reject(2);
      const [first] = await under.ledger.outbox({ limit: 9 });
      await under.ledger.published({ numbers: [first?.number ?? 0], mark: null });
      await under.reopen();
      await reject(3);
      const [second] = await under.ledger.outbox({ limit: 9 });
      expect(second?.number).toBeGreaterThan(first?.number ?? 0);
    });

    it('keeps the mark of a sink that keeps none itself; null leaves the mark as it is', async () => {
      expect(await under.ledger.publishedMark()).toBeNull();
      await under.ledger.published({ numbers: [], mark: 'offset 10' });
      await under.ledger.published({ numbers: [], mark: 'offset 20' });
      await under.ledger.published({ numbers: [], mark: null });
      const ledger = await under.reopen();
      expect(await ledger.publishedMark()).toBe(under.shared ? null : 'offset 20');
    });
  });
}
