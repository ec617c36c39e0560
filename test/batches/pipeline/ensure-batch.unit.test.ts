import { describe, expect, it } from 'vitest';
import { createBatchOpener } from '../../../batches/pipeline/ensure-batch.ts';

const event = (batchId: string) => ({
  batchId,
  at: 1_000,
  occurrence: { stream: 'topic:payouts.instructions:0', position: 7, source: { topic: 'payouts.instructions', partition: 0, offset: '7' } },
});

describe('createBatchOpener', () => {
  it('opens a batch once for all of its events, and several at once share the call', async () => {
    const opened: string[] = [];
    const open = createBatchOpener({ openBatch: ({ batchId }) => Promise.resolve(opened.push(batchId)) });
    await Promise.all([open(event('a')), open(event('a')), open(event('b'))]);
    await open(event('a'));
    expect(opened).toEqual(['a', 'b']);
  });

  it('opens the batch again after a failure instead of remembering the rejection', async () => {
    let calls = 0;
    const open = createBatchOpener({
      openBatch: () => ((calls += 1) === 1 ? Promise.reject(new Error('Redis is away')) : Promise.resolve()),
    });
    await expect(open(event('a'))).rejects.toThrow('Redis is away');
    await open(event('a'));
    expect(calls).toBe(2);
  });

  it('forgets the oldest batch beyond its capacity', async () => {
    const opened: string[] = [];
    const open = createBatchOpener({ openBatch: ({ batchId }) => Promise.resolve(opened.push(batchId)) }, 2);
    for (const batchId of ['a', 'b', 'c', 'b', 'a']) await open(event(batchId));
    expect(opened).toEqual(['a', 'b', 'c', 'a']);
  });
});
