import { describe, expect, it } from 'vitest';
import { Assignment } from '../../../../batches/pipeline/offsets/assignment.ts';
import { createRecordProcessor } from '../../../../consumers/kafka/group/record-processor.ts';
import type { TopicRecord } from '../../../../consumers/kafka/topic-record.ts';

const record = (offset: number): TopicRecord => ({
  topic: 't',
  isBrokerTime: false,
  partition: 0,
  offset: BigInt(offset),
  timestamp: 0,
  key: null,
  value: null,
  headers: {},
});

/** A processor whose handler never finishes, and how many records it was given. */
function createCounting(window: number) {
  const counted = { started: 0 };
  const work = createRecordProcessor({
    window,
    handle: () => {
      counted.started += 1;
      return new Promise(() => undefined);
    },
    isStopping: () => false,
    onFailure: (cause) => expect.unreachable(String(cause)),
  });
  return { work, counted };
}

const nextTurn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

describe('a burst of records', () => {
  it('is spread over turns of the event loop', async () => {
    const { work, counted } = createCounting(1_000);
    const mine = new Assignment([0]);
    const handedOver = Array.from({ length: 100 }, (_, offset) => work.begin(record(offset), mine));
    const startedByTurn: number[] = [];
    for (let turn = 0; turn < 60; turn += 1) {
      await nextTurn();
      startedByTurn.push(counted.started);
    }
    const added = startedByTurn.map((started, index) => started - (startedByTurn[index - 1] ?? 0));
    expect(Math.max(...added)).toBe(2);
    expect(counted.started).toBe(100);
    expect(await Promise.all(handedOver)).not.toContain(undefined);
  });

  it('leaves its places when the generation ends before its turn', async () => {
    const { work, counted } = createCounting(20);
    const mine = new Assignment([0]);
    const handedOver = Array.from({ length: 20 }, (_, offset) => work.begin(record(offset), mine));
    await Promise.resolve();
    mine.close();
    const ended = (await Promise.all(handedOver)).filter((one) => one === undefined).length;
    expect(ended).toBe(20 - counted.started);
    expect(ended).toBeGreaterThan(0);
    const next = new Assignment([0]);
    const again = await Promise.all(Array.from({ length: ended }, (_, index) => work.begin(record(100 + index), next)));
    expect(again).not.toContain(undefined);
  });
});
