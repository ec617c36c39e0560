import { afterEach, describe, expect, it } from 'vitest';
import type { RebuildIndex } from '../../../batches/ports/rebuild-index.ts';
import { recordEvent, type ResultEvent } from '../../../batches/record/result-event.ts';
import { createRebuildIndex } from '../../../src/recovery/rebuild-index.ts';
import { at, queuedRecord, transitionSettings } from '../../support/builders.ts';
import { createMapIndex } from '../../../simulation/distributed/map-index.ts';

const eventOf = (recordId: string, sequence: number): ResultEvent =>
  recordEvent(transitionSettings.keys, queuedRecord({ recordId, sequence, status: 'succeeded', sends: 1 }), at);

describe.each([
  ['in SQLite', createRebuildIndex],
  ['in memory', createMapIndex],
])('the index of a rebuild %s', (_name, create) => {
  let index: RebuildIndex | undefined;
  const open = (): RebuildIndex => (index = create());
  afterEach(() => index?.close());

  it('keeps one newest result a record id, until it is replaced or removed', () => {
    const one = open();
    expect(one.newest('inv-1')).toBeUndefined();
    one.keepNewest('inv-1', { place: 'a', event: eventOf('inv-1', 1) });
    one.keepNewest('inv-1', { place: 'b', event: eventOf('inv-1', 2) });
    expect(one.newest('inv-1')).toEqual({ place: 'b', event: eventOf('inv-1', 2) });
    one.removeNewest('inv-1');
    expect(one.newest('inv-1')).toBeUndefined();
  });

  it('keeps the result of the highest rank of a place, and of these the newest', () => {
    const one = open();
    const kept = (): number[] => [...one.settled()].map(({ sequence }) => sequence);
    for (const [sequence, rank, expected] of [
      [3, 1, 3],
      [2, 1, 3],
      [4, 0, 3],
      [4, 1, 4],
      [1, 2, 1],
      [9, 1, 1],
    ] as const) {
      one.keepSettled({ place: 'a', event: eventOf('inv-1', sequence) }, rank);
      expect([sequence, rank, ...kept()]).toEqual([sequence, rank, expected]);
    }
    expect([one.isSettled('a'), one.isSettled('b')]).toEqual([true, false]);
    expect([...one.settled()]).toEqual([eventOf('inv-1', 1)]);
  });

  it('knows whether the messages of a record ask for the same', () => {
    const one = open();
    expect(one.hasOneContent('inv-1')).toBe(true);
    for (const [fingerprint, isOne] of [
      ['a', true],
      ['a', true],
      ['b', false],
      ['a', false],
    ] as const) {
      one.noteContent('inv-1', fingerprint);
      expect([fingerprint, one.hasOneContent('inv-1')]).toEqual([fingerprint, isOne]);
    }
    expect(one.hasOneContent('inv-2')).toBe(true);
  });

  it('keeps the highest sequence and the earliest time', () => {
    const one = open();
    expect([one.sequence('inv-1'), one.time('inv-1')]).toEqual([0, { earliest: undefined, isReliable: false }]);
    for (const sequence of [2, 7, 3]) one.raiseSequence('inv-1', sequence);
    expect(one.sequence('inv-1')).toBe(7);
    one.noteTime('inv-1', { at: 200, by: 'result' });
    expect(one.time('inv-1')).toEqual({ earliest: 200, isReliable: false });
    one.noteTime('inv-1', { at: 100.5, by: 'broker' });
    one.noteTime('inv-1', { at: 150, by: 'broker' });
    expect(one.time('inv-1')).toEqual({ earliest: 100.5, isReliable: true });
    one.noteTime('inv-1', { at: 400, by: 'producer' });
    expect(one.time('inv-1')).toEqual({ earliest: 100.5, isReliable: false });
  });

  it('keeps the published head with the highest number', () => {
    const one = open();
    expect(one.head('inv-1')).toBeNull();
    for (const number of [2, 7, 3]) one.noteHead('inv-1', { number, hash: `${number}`.repeat(32) });
    expect(one.head('inv-1')).toEqual({ number: 7, hash: '7'.repeat(32) });
    expect(one.head('inv-2')).toBeNull();
  });

  it('lists what is not restored', () => {
    const one = open();
    for (const recordId of ['inv-1', 'inv-2']) one.keepNewest(recordId, { place: recordId, event: eventOf(recordId, 1) });
    one.markRestored('inv-1');
    one.markRestored('inv-3');
    expect([one.isRestored('inv-1'), one.isRestored('inv-2')]).toEqual([true, false]);
    expect([...one.unrestored()]).toEqual([eventOf('inv-2', 1)]);
  });
});
