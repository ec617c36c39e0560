import { describe, expect, it } from 'vitest';
import { findBatch } from '../../../batches/record/find-batch.ts';

const batch = (batchId: string, file: string) => ({ batchId, file });
const may = batch('9f2c41aa', 'may.csv');
const june = batch('9f2c41bb', 'june.csv');
const mayAgain = batch('77aa00cc', 'may.csv');
const events = batch('events-2026-11-21', '');
const all = [may, june, mayAgain, events];

describe('a batch', () => {
  it.each([
    ['its id', '9f2c41aa', may],
    ['the first characters of its id', '77aa00', mayAgain],
    ['the name of its file', 'june.csv', june],
    ['the id of a batch of events', 'events-2026-11-21', events],
  ])('is found by %s', (_, named, expected) => {
    expect(findBatch(all, named)).toEqual({ type: 'one', batch: expected });
  });

  it('is found by a whole id that is also the beginning of another id', () => {
    const longer = batch('9f2c41aa00', 'other.csv');
    expect(findBatch([longer, may], '9f2c41aa')).toEqual({ type: 'one', batch: may });
  });

  it.each([
    ['the beginning of two ids', '9f2c41', [may, june]],
    ['a file name of two batches', 'may.csv', [may, mayAgain]],
  ])('is not decided by %s: all that fit are returned', (_, named, expected) => {
    expect(findBatch(all, named)).toEqual({ type: 'several', batches: expected });
  });

  it.each(['', '9f2c4', 'may', 'zzzzzz'])('is not found by %j', (named) => {
    expect(findBatch(all, named)).toEqual({ type: 'none' });
  });
});
