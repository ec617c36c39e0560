import { describe, expect, it } from 'vitest';
import { publishSteadily } from '../../bench/distributed/pace.ts';

const total = 60;
const rate = 200;
const messages = (): Iterator<{ key: string; value: string }> =>
  Array.from({ length: total }, (_, index) => ({ key: `${index}`, value: '{}' })).values();

const publish = (send: (messages: readonly { key: string; timestamp?: string }[]) => Promise<void>, from = messages()) => {
  const dueAt = new Float64Array(total);
  const startAt = Date.now();
  const halves: number[] = [];
  const published = publishSteadily({
    producer: { send, close: async () => undefined },
    messages: from,
    rate,
    dueAt,
    startAt,
    at: { share: 0.5, call: () => halves.push(Date.now()) },
  });
  return { published, dueAt, startAt, halves };
};

describe('publishing at a steady rate', () => {
  it('gives every event the moment when it was due, in order and not before', async () => {
    const sent: { key: string; timestamp?: string }[] = [];
    const { published, dueAt, startAt, halves } = publish(async (batch) => {
      for (const one of batch) expect(Number(one.timestamp)).toBeLessThanOrEqual(Date.now());
      sent.push(...batch);
    });
    const { lateMs, seconds } = await published;
    expect(sent.map(({ key }) => key)).toEqual(Array.from({ length: total }, (_, index) => `${index}`));
    expect(sent.map(({ timestamp }) => Number(timestamp))).toEqual([...dueAt]);
    expect([...dueAt]).toEqual(Array.from({ length: total }, (_, index) => Math.floor(startAt + (index * 1000) / rate)));
    expect(seconds * 1000).toBeGreaterThanOrEqual(((total - 1) * 1000) / rate - 1);
    expect(lateMs).toBeGreaterThanOrEqual(0);
    expect(halves).toHaveLength(1);
  });

  it('keeps to its schedule while the broker is slow', async () => {
    const pending: (() => void)[] = [];
    let sent = 0;
    const { published } = publish((batch) => {
      sent += batch.length;
      return new Promise((resolve) => pending.push(resolve));
    });
    let isOver = false;
    void published.then(() => (isOver = true));
    await expect.poll(() => sent, { timeout: 10_000 }).toBe(total);
    expect(isOver).toBe(false);
    for (const resolve of pending) resolve();
    await published;
  });

  it('fails when the broker refuses, and when there are too few events', async () => {
    await expect(publish(() => Promise.reject(new Error('refused'))).published).rejects.toThrow('refused');
    await expect(publish(async () => undefined, [].values()).published).rejects.toThrow('only 0 events');
  });
});
