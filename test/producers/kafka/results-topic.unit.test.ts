import { describe, expect, it } from 'vitest';
import { PublishError } from '../../../producers/kafka/publish-error.ts';
import { openResultsTopic, type ResultsTopicOptions } from '../../../producers/results-topic.ts';
import { outboxEntry } from '../../contracts/result-sink.suite.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

type Publisher = ResultsTopicOptions['publisher'];

const topic = 'payouts.results';
const unproven = () => new PublishError('unproven', topic, 'Kafka has not surely taken it.');

function sinkOn(publish: Publisher['publish'], partitionFor: Publisher['partitionFor'] = async () => 0) {
  const warnings: string[] = [];
  const clock = createVirtualClock();
  const sink = openResultsTopic({ publisher: { publish, partitionFor }, topic, clock, onWarning: (message) => warnings.push(message) });
  return { sink, clock, warnings };
}

describe('openResultsTopic', () => {
  it('the key is the record id, and decides the partition; without one the event id does', async () => {
    const published: unknown[] = [];
    const { sink } = sinkOn(
      async (record) => {
        published.push(record);
        return { offset: 0n };
      },
      async (_topic, key) => key.length,
    );
    const named = outboxEntry(1, { record_id: 'inv-1' });
    const nameless = outboxEntry(2);
    expect(await sink.publish([named, nameless])).toEqual({ mark: null });
    expect(published).toEqual([
      { topic, partition: 5, key: 'inv-1', value: named.json },
      { topic, partition: 36, key: null, value: nameless.json },
    ]);
  });

  it('an outage of ten minutes: what was not taken is tried again in order, with one warning', async () => {
    const log: string[] = [];
    let tries = 0;
    const { sink, clock, warnings } = sinkOn(async ({ value }) => {
      tries += 1;
      if (value === outboxEntry(1).json && tries > 1) throw new Error('it was taken before');
      if (tries > 1 && clock.now() < backAt) throw unproven();
      log.push(String(value));
      return { offset: 0n };
    });
    const backAt = clock.now() + 600_000;
    const published = sink.publish([1, 2, 3].map((number) => outboxEntry(number)));
    await clock.pass(599_000);
    expect(log).toHaveLength(1);
    await clock.pass(2_000);
    await published;
    expect(log).toEqual([1, 2, 3].map((number) => outboxEntry(number).json));
    expect(warnings).toEqual([expect.stringMatching(/2 results wait.*nothing is lost/)]);
  });

  it('waits when Kafka was unavailable from the start', async () => {
    let asked = 0;
    const { sink, clock } = sinkOn(
      async () => ({ offset: 0n }),
      async () => {
        asked += 1;
        if (asked < 4) throw unproven();
        return 0;
      },
    );
    const published = sink.publish([outboxEntry(1)]);
    await clock.pass(10_000);
    expect(await published).toEqual({ mark: null });
  });

  it('reports the next outage again', async () => {
    let down = false;
    const { sink, clock, warnings } = sinkOn(async () => {
      down = !down;
      if (down) throw unproven();
      return { offset: 0n };
    });
    for (const number of [1, 2]) {
      const published = sink.publish([outboxEntry(number)]);
      await clock.pass(5_000);
      await published;
    }
    expect(warnings).toHaveLength(2);
  });

  it('a later group does not overtake one that waits', async () => {
    const log: string[] = [];
    let first = true;
    const { sink, clock } = sinkOn(async ({ value }) => {
      if (first) {
        first = false;
        throw unproven();
      }
      log.push(String(value));
      return { offset: 0n };
    });
    const both = Promise.all([sink.publish([outboxEntry(1)]), sink.publish([outboxEntry(2)])]);
    await clock.pass(5_000);
    await both;
    expect(log).toEqual([outboxEntry(1).json, outboxEntry(2).json]);
  });

  it('reports a permanent refusal to the caller and publishes the next group', async () => {
    let first = true;
    const { sink } = sinkOn(async () => {
      if (!first) return { offset: 0n };
      first = false;
      throw new PublishError('too_large', topic, 'raise it');
    });
    await expect(sink.publish([outboxEntry(1), outboxEntry(2)])).rejects.toMatchObject({ code: 'too_large' });
    expect(await sink.publish([outboxEntry(3)])).toEqual({ mark: null });
  });

  it('rejects waiting events at once when it is closed', async () => {
    const { sink, clock } = sinkOn(() => new Promise(() => undefined));
    const published = sink.publish([outboxEntry(1)]);
    published.catch(() => undefined);
    await clock.pass(10);
    await sink.close();
    await expect(published).rejects.toThrow(/closed.*ledger/);
  });
});
