import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { TopicRecord } from '../../../../consumers/kafka/topic-record.ts';
import { kafkaBrokers } from '../../../support/services.ts';
import { Broker, numberOf, pause, placeOf, until } from '../broker.ts';

let broker: Broker;
beforeAll(async () => {
  broker = new Broker(kafkaBrokers());
  await broker.connect();
});
afterAll(() => broker.close());

/** Looks at the commits all the while: they never go back, and never pass what is not finished. */
function watchCommits(topic: string, finished: ReadonlySet<string>) {
  const newest = new Map<number, number>();
  const wrong: string[] = [];
  let isWatching = true;
  const watching = (async () => {
    while (isWatching) {
      const committed = await broker.committed(topic, topic);
      // What a process told before it committed has been read then, too.
      await turn();
      for (const [partition, offset] of committed) {
        const before = newest.get(partition) ?? -1;
        if (offset < before) wrong.push(`partition ${partition} went back from ${before} to ${offset}`);
        for (let each = Math.max(0, before); each < offset; each++) {
          if (!finished.has(`${partition}:${each}`)) wrong.push(`${partition}:${each} is committed and not finished`);
        }
        newest.set(partition, offset);
      }
      await pause(20);
    }
  })();
  return {
    async end(): Promise<readonly string[]> {
      isWatching = false;
      await watching;
      return wrong;
    },
  };
}

it('loses nothing while members come and go, and commits never go back nor ahead', async () => {
  const partitions = 6;
  const total = 3_000;
  const topic = await broker.topic(partitions);
  await broker.publishNumbers(topic, total, partitions);
  const finished = new Set<string>();
  let handled = 0;
  const handle = async (record: TopicRecord): Promise<void> => {
    handled += 1;
    await pause(5 + ((numberOf(record) * 7) % 60));
    finished.add(placeOf(record));
  };
  const watch = watchCommits(topic, finished);
  const join = () => broker.work(topic, { handle, window: 12 });
  const first = join();
  await until('the first works', () => finished.size > 100);
  const second = join();
  await until('the second has partitions', () => second.assigned().length === 3 && first.assigned().length === 3);
  const third = join();
  await until('the third has partitions', () => third.assigned().length === 2);
  await first.stop();
  await until('two share them', () => second.assigned().length + third.assigned().length === partitions);
  await until('all were handled', () => finished.size === total);
  await until('all are committed', async () =>
    [...(await broker.committed(topic, topic)).values()].every((offset) => offset === total / partitions),
  );
  expect(await watch.end()).toEqual([]);
  // A member that learns in time that it must let go finishes and commits first; else the last moments are read again.
  expect(handled - total).toBeLessThan(total / 10);
});

it('a consumer delays a rebalance for at most its drain time', async () => {
  const topic = await broker.topic(2);
  await broker.publishNumbers(topic, 2, 2);
  const endless = (_record: TopicRecord, signal: AbortSignal): Promise<void> =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
  const stuck = broker.work(topic, { handle: endless, drainMs: 1_000 });
  await until('it has all', () => stuck.assigned().length === 2);
  await pause(500);
  const seen: number[] = [];
  const other = broker.work(topic, { handle: async (record) => void seen.push(numberOf(record)) });
  // Else the group would wait for 30 s.
  await until('the other has its share', () => other.assigned().length === 1 && seen.length === 1, 25_000);
});

it('a consumer takes over the messages in flight of a killed process', async () => {
  const partitions = 2;
  const total = 1_000;
  const topic = await broker.topic(partitions);
  await broker.publishNumbers(topic, total, partitions);
  const finished = new Set<string>();
  const watch = watchCommits(topic, finished);
  const child = spawn(process.execPath, [join(import.meta.dirname, 'consumer.script.ts'), kafkaBrokers(), topic], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  // It says what is finished before it can commit.
  createInterface({ input: child.stdout }).on('line', (place) => finished.add(place));
  await until('the process works', () => finished.size >= 20);
  child.kill('SIGKILL');
  await new Promise((resolve) => child.once('close', resolve));
  expect(finished.size).toBeLessThan(total);

  broker.work(topic, {
    async handle(record) {
      finished.add(placeOf(record));
    },
  });
  await until('the rest was handled', () => finished.size === total);
  await until('all are committed', async () =>
    [...(await broker.committed(topic, topic)).values()].every((offset) => offset === total / partitions),
  );
  expect(await watch.end()).toEqual([]);
});
