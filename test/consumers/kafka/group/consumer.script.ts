/** A consumer in a process of its own, to be killed: `node consumer.script.ts BROKERS TOPIC`. */
import { writeSync } from 'node:fs';
import { Kafka, logLevel } from 'kafkajs';
import { consume } from '../../../../consumers/kafka/group/consume.ts';
import { systemClock } from '../../../../src/clock.ts';

const [brokers = '', topic = ''] = process.argv.slice(2);
await consume({
  createKafka: () => new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING }),
  groupId: topic,
  topic,
  window: 4,
  clock: systemClock,
  drainMs: 5_000,
  onWarning: () => undefined,
  async handle({ partition, offset }) {
    await systemClock.sleep(40);
    writeSync(1, `${partition}:${offset}\n`);
  },
}).running;
