/** A short form of `node test/scripts/every-record-ends.script.ts`: every fault at once, and kills in between. */
import { describe, it } from 'vitest';
import { tell } from '../scripts/every-record-ends/every-record-ends.ts';
import type { Story } from '../scripts/every-record-ends/story.ts';

const story: Story = { profile: 'standalone', told: 'both', records: 120, kills: 2, seed: 7, confirm: 'manual', quietMs: 8_000 };

describe('a run with every fault at once that is killed', () => {
  it.for([
    ['webhooks and status checks', story],
    ['status checks only', { ...story, told: 'status', confirm: 'auto' }],
  ] as const)(
    'ends every record as the gateway did, but for what no answer and no webhook showed, with %s',
    async ([, chosen], { expect }) => {
      const { problems, statuses } = await tell(chosen);
      expect(problems).toEqual([]);
      expect(statuses['succeeded']).toBeGreaterThan(90);
    },
  );
});
