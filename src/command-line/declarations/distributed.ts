/** Commands of the distributed profile. */
import { declare } from '../declaration.ts';
import { flag, integer, integerOr } from '../option.ts';

const aCount = { from: 1, to: 99_999 };

export const topics = declare({
  usage: 'topics',
  description: 'creates missing Kafka topics and verifies existing ones',
  needs: 'data',
  options: {
    partitions: integerOr(12, aCount, '--partitions <number>', 'partitions of each topic created'),
    replication: integer(aCount, '--replication <number>', 'replicas of each topic created (default: 3, or the number of brokers)'),
    check: flag('--check', 'create nothing: report what is missing'),
    json: flag('--json', 'print the report as one JSON object'),
  },
  examples: ['topics', 'topics --partitions 24 --replication 3', 'topics --check --json'],
  run: async ({ config, options }) => (await import('../../commands/topics.ts')).topics(config, options),
});

export const deadLetters = declare({
  usage: 'dead-letters [action] [position]',
  actions: () => ['list', 'show', 'redrive'],
  description: 'inspects and replays dead letters: list, show POSITION, redrive POSITION (partition/offset)',
  needs: 'data',
  options: { json: flag('--json', 'one JSON object per line') },
  examples: ['dead-letters list', 'dead-letters show 0/12', 'dead-letters redrive 0/12'],
  run: async ({ config, args, options }) => (await import('../../commands/dead-letters.ts')).deadLetters(config, args, options),
});

export const rebuild = declare({
  usage: 'rebuild',
  description: 'rebuilds the Redis ledger from the results and instructions topics after Redis lost data',
  needs: 'gateway',
  options: {
    yes: flag('--yes', 'confirm: replaces everything under REDIS_PREFIX'),
    allowUnsafeRedis: flag('--allow-unsafe-redis', 'run even if Redis is not configured durably (risk of double payment)'),
    json: flag('--json', 'print the report as one JSON object'),
  },
  examples: ['rebuild --yes'],
  run: async ({ config, options }) => (await import('../../commands/rebuild.ts')).rebuild(config, options),
});
