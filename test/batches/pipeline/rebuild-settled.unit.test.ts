import { describe, expect, it } from 'vitest';
import { readResultEvent, type ResultEvent } from '../../../batches/record/result-event.ts';
import type { LedgerRecord } from '../../../batches/record/record.ts';
import { createMemoryStore, openMemoryLedger, type CarryWrite } from '../../../src/ledger/memory/ledger.ts';
import { payoutEvent, transitionSettings } from '../../support/builders.ts';
import { message, now, place, published, rebuilt, terms } from './rebuilt.ts';

const { keys } = transitionSettings;
const reason = { code: 'paused', description: 'It waits to be sent: alice paused the batch.' } as const;
const cancelledBy = { code: 'cancelled_by_operator', description: 'alice cancelled it before it was sent: no' } as const;

const waiting = (offset: number, sequence: number, patch: Partial<LedgerRecord> = {}) =>
  published(offset, { status: 'queued', sequence, reason, ...patch });
const cancelled = (offset: number, sequence: number) => published(offset, { status: 'cancelled', sequence, reason: cancelledBy });
const sent = (offset: number, sequence: number, patch: Partial<LedgerRecord>) =>
  published(offset, { sequence, sends: 1, ...terms, ...patch });

const statuses = ({ restored, settled }: Awaited<ReturnType<typeof rebuilt>>) => ({
  records: restored.map(({ record: { occurrence, status } }) => [occurrence.position, status]),
  settled: settled.map(({ occurrence, status }) => [occurrence.position, status]),
});

describe('a place whose record id another place has taken', () => {
  it.each([
    ['before', [waiting(1, 1), cancelled(1, 3), cancelled(9, 4)]],
    ['after', [waiting(1, 1), cancelled(9, 4), cancelled(1, 3)]],
    ['and again before', [cancelled(9, 4), cancelled(1, 3), waiting(1, 1)]],
  ])('ends as its final result says that is published %s the other one', async (_when, results) => {
    const found = await rebuilt({ results, instructions: [message(1, payoutEvent('inv-1')), message(9, payoutEvent('inv-1'))] });
    expect(statuses(found)).toEqual({ records: [[9, 'cancelled']], settled: [[1, 'cancelled']] });
    expect(found.settled[0]?.event).toBeUndefined();
    expect(found.report).toMatchObject({ settled: 1, settled_without_result: 0, settled_open: 0, skipped: 0 });
  });

  it.each([
    ['is sent', sent(9, 4, { status: 'in_progress', sessionId: 'ps_1' }), 'in_progress'],
    ['was paid', sent(9, 4, { status: 'succeeded', sessionId: 'ps_1', entryId: 'po_1' }), 'succeeded'],
    ['waits to be sent', waiting(9, 4), 'unknown'],
    ['was cancelled too', cancelled(9, 4), 'cancelled'],
  ])(
    'was cancelled unsent when its newest result says that it waits, and its end is published: the other one %s',
    async (_how, other, as) => {
      for (const results of [
        [waiting(1, 1), other],
        [other, waiting(1, 1)],
      ]) {
        const found = await rebuilt({ results, instructions: [message(1, payoutEvent('inv-1')), message(9, payoutEvent('inv-1'))] });
        expect(statuses(found)).toEqual({ records: [[9, as]], settled: [[1, 'cancelled']] });
        expect(found.settled).toMatchObject([
          {
            recordId: 'inv-1',
            sequence: 2,
            event: {
              event_id: keys.eventId({ place: `${place(1).stream}:1`, attempt: 1, status: 'cancelled', sequence: 2 }),
              status: 'cancelled',
              final: true,
              sequence: 2,
              record_id: 'inv-1',
              source: { topic: place(1).source.topic, partition: 0, offset: '1' },
              fingerprint: waiting(1, 1).fingerprint,
              error: { code: 'end_lost' },
              occurred_at: new Date(now).toISOString(),
            },
          },
        ]);
        expect(found.settled[0]?.event?.attempt).toBeUndefined();
        expect(found.report).toMatchObject({ settled: 1, settled_without_result: 1, settled_open: 0, skipped: 0 });
      }
    },
  );

  it('is cancelled once: a rebuild that reads the published end publishes none', async () => {
    const results = [waiting(1, 1), waiting(9, 4)];
    const [first] = (await rebuilt({ results })).settled;
    if (first?.event === undefined) throw new Error('no end was published');
    const again = await rebuilt({ results: [...results, first.event] });
    expect(statuses(again).settled).toEqual([[1, 'cancelled']]);
    expect(again.settled[0]?.event).toBeUndefined();
    expect(again.report.settled_without_result).toBe(0);
  });

  it.each(['before', 'after'] as const)('is cancelled under one event id, whichever write a rebuild dies %s', async (when) => {
    const instructions = [1, 9].map((offset) => message(offset, payoutEvent('inv-1')));
    const results: ResultEvent[] = [waiting(1, 1), waiting(9, 4)];
    const ends: string[] = [];
    /** @returns whether it came to its end; what it wrote is published in any case */
    const attempt = async (writes: number): Promise<boolean> => {
      let left = writes;
      const store = createMemoryStore();
      const carry: CarryWrite = async (_name, apply) => {
        left -= 1;
        if (left < 0 && when === 'before') throw new Error('dies');
        const result = apply();
        if (left < 0) throw new Error('dies');
        return result;
      };
      const ledger = openMemoryLedger({ store, rules: transitionSettings, clock: { now: () => now }, owner: 'rebuild', carry });
      const ended = await rebuilt({ results, instructions, ledger }).then(
        () => true,
        () => false,
      );
      const told = [...store.outbox.values()].flatMap(({ json }) => readResultEvent(json) ?? []);
      results.push(...told);
      ends.push(...told.filter(({ status }) => status === 'cancelled').map(({ event_id: id }) => id));
      if (ended)
        expect((await ledger.tallies('may')).map(({ status, count }) => [status, count])).toEqual([
          ['received', 2],
          ['unknown', 1],
          ['cancelled', 1],
        ]);
      return ended;
    };
    let deaths = 0;
    while (!(await attempt(deaths))) deaths += 1;
    expect(deaths).toBeGreaterThan(2);
    expect([...new Set(ends)]).toEqual([keys.eventId({ place: `${place(1).stream}:1`, attempt: 1, status: 'cancelled', sequence: 2 })]);
  });

  it('was cancelled unsent when the other one is free again too, and a third message may have been sent', async () => {
    const instructions = [1, 9, 12].map((offset) => message(offset, payoutEvent('inv-1')));
    const found = await rebuilt({ results: [waiting(1, 1), cancelled(9, 4)], instructions });
    expect(statuses(found)).toEqual({
      records: [[12, 'unknown']],
      settled: [
        [1, 'cancelled'],
        [9, 'cancelled'],
      ],
    });
    expect(found.settled.map(({ event }) => event?.sequence)).toEqual([2, undefined]);
  });

  it.each([
    ['its later attempt waits', waiting(1, 1, { attempt: 2 }), sent(9, 4, { status: 'in_progress' }), 'queued'],
    ['its send is open', sent(1, 1, { status: 'unknown', reason: cancelledBy }), sent(9, 4, { status: 'in_progress' }), 'unknown'],
    ['the other one was sent under a lower sequence', waiting(1, 4), sent(9, 3, { status: 'in_progress' }), 'queued'],
    ['the other one left no number for its end', waiting(1, 1), sent(9, 2, { status: 'in_progress' }), 'queued'],
  ])('stays open, is counted by the report, and is never called cancelled when %s', async (_why, own, other, as) => {
    for (const results of [
      [own, other],
      [other, own],
    ]) {
      const found = await rebuilt({ results });
      expect(statuses(found)).toEqual({ records: [[9, 'in_progress']], settled: [[1, as]] });
      expect(found.settled[0]?.event).toBeUndefined();
      expect(found.report).toMatchObject({ settled: 1, settled_without_result: 0, settled_open: 1, skipped: 0 });
    }
  });
});

describe('a record id whose results show a send at one place only', () => {
  it.each([
    ['has ended unsent', cancelled(9, 4), 'cancelled', 0],
    ['waits to be sent', waiting(9, 4), 'queued', 1],
  ])('stays with the place that shows it, though another place with a higher sequence %s', async (_how, other, as, open) => {
    const own = sent(1, 2, { status: 'in_progress', sessionId: 'ps_1' });
    for (const results of [
      [own, other],
      [other, own],
    ]) {
      const found = await rebuilt({ results });
      expect(statuses(found)).toEqual({ records: [[1, 'in_progress']], settled: [[9, as]] });
      expect(found.report.settled_open).toBe(open);
    }
  });

  it('is not free again by a result of the same place that shows no send', async () => {
    const own = sent(1, 2, { status: 'in_progress', sessionId: 'ps_1' });
    for (const results of [
      [own, cancelled(1, 3)],
      [cancelled(1, 3), own],
      [own, cancelled(9, 5), cancelled(1, 3)],
    ])
      expect(statuses(await rebuilt({ results })).records).toEqual([[1, 'in_progress']]);
  });
});
