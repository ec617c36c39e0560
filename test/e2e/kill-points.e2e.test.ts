/** A sample of the points at which a run can die; `node test/scripts/kill-points.script.ts` tries all of them. */
import { describe, it } from 'vitest';
import { killAt, scenarios } from '../scripts/kill-points/kill-points.ts';

const sample: Readonly<Record<string, readonly string[]>> = {
  skip: ['commit-before:3', 'init-before:2', 'init-after:8', 'results-half:1', 'confirm-after:4'],
  'all-or-nothing': ['commit-after:2', 'init-after:1', 'status-before:3'],
  'lost answers': ['commit-after:9', 'init-before:10', 'datasync-after:1'],
  'all-or-nothing with a conflict': ['commit-before:5', 'results-half:1'],
};

describe.concurrent.each(scenarios)('a run of $name', (scenario) => {
  it.for(sample[scenario.name] ?? [])(
    'that is killed at %s and run again pays no record twice and reports every one once',
    async (point, { expect }) => {
      expect(await killAt(scenario, point)).toEqual({ wasKilled: true, problems: [] });
    },
  );
});
