/** A short form of `node test/scripts/every-record-ends.script.ts --profile distributed`. */
import { expect, it } from 'vitest';
import { tell } from '../scripts/every-record-ends/every-record-ends.ts';
import { kafkaBrokers, redisUrl } from '../support/services.ts';

it('two instances with every fault at once, one of which is killed, end every record as the gateway did, but for what no answer and no webhook showed', async () => {
  const { problems, statuses } = await tell(
    { profile: 'distributed', told: 'both', records: 120, kills: 2, seed: 7, confirm: 'manual', quietMs: 10_000 },
    { kafkaBrokers: kafkaBrokers(), redisUrl: redisUrl() },
  );
  expect(problems).toEqual([]);
  expect(statuses['succeeded']).toBeGreaterThan(90);
});
