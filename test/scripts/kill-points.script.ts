/**
 * Kills a run at every point of every scenario, and holds what is true afterwards against a witness. Takes minutes.
 *
 *   node test/scripts/kill-points.script.ts [scenario]
 */
import pLimit from 'p-limit';
import { killAt, pointsOf, scenarios } from './kill-points/kill-points.ts';

const say = (line: string): boolean => process.stdout.write(`${line}\n`);
const [only] = process.argv.slice(2);
const limit = pLimit(2);
let failures = 0;
for (const scenario of scenarios.filter(({ name }) => only === undefined || name === only)) {
  const points = await pointsOf(scenario);
  const outcomes = await Promise.all(
    points.map((point) =>
      limit(async () => {
        const outcome = await killAt(scenario, point);
        for (const problem of outcome.problems) say(`WRONG: ${scenario.name}, killed at ${point}: ${problem}`);
        return outcome;
      }),
    ),
  );
  const killed = outcomes.filter(({ wasKilled }) => wasKilled).length;
  const wrong = outcomes.filter(({ problems }) => problems.length > 0).length;
  failures += wrong;
  say(`${scenario.name}: ${points.length} points, killed at ${killed}, wrong after ${wrong}`);
}
process.exitCode = failures === 0 ? 0 : 1;
