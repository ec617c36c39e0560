/**
 * `npm run proof -- --crashes [--kills 200] [--records 20000] [--seed N] [--profile standalone|distributed]`: real processes and
 * real servers, killed with -9 at random moments, frozen, out of disk and with wrong clocks. Half of the kills are in each
 * profile. A world has a seed, which decides what happens; the moment at which it hits is the machine's.
 */
import { parseArgs } from 'node:util';
import { createDice } from '../../simulation/dice.ts';
import { keepFigure } from '../../simulation/figures.ts';
import { startKafka, startRedis } from '../support/local-servers.ts';
import { noHarm, type CrashOutcome, type CrashParams, type Harm } from './crash-world.ts';
import { crashInstances } from './distributed.ts';
import { crashRuns } from './standalone.ts';

const { values } = parseArgs({
  options: {
    crashes: { type: 'boolean' },
    kills: { type: 'string', default: '200' },
    records: { type: 'string', default: '20000' },
    seed: { type: 'string', default: '1' },
    profile: { type: 'string' },
  },
});
const print = (line: string): void => void process.stdout.write(`${line}\n`);
const startedAt = performance.now();
const seconds = (): string => ((performance.now() - startedAt) / 1000).toFixed(0);

const profiles = ['standalone', 'distributed'] as const;
type Profile = (typeof profiles)[number];
/** Kills in one world, at most; each world has a ledger of its own. Of four worlds one has wrong clocks and one a long stop. */
const killsOfWorld = 25;
const usualWorlds = 4;

interface Sum {
  readonly harm: Harm;
  records: number;
  unknown: number;
  worlds: number;
  failed: number;
}

const tell = ({ kills, stops, clocks, fullDisks, redisKills, brokerKills }: Harm): string =>
  `${kills} kills, ${stops} stops, ${clocks} wrong clocks, ${fullDisks} full disks, ${redisKills} kills of Redis, ${brokerKills} of the broker`;

function note(sum: Sum, profile: Profile, seed: number, { harm, ...outcome }: CrashOutcome): void {
  for (const name of Object.keys(sum.harm) as (keyof Harm)[]) sum.harm[name] += harm[name];
  sum.records += outcome.records;
  sum.unknown += outcome.unknown;
  sum.worlds += 1;
  const { problems } = outcome;
  if (problems.length > 0) sum.failed += 1;
  print(
    `seed ${seed}, ${profile}: ${tell(harm)}; ${outcome.records} records: ${outcome.succeeded} succeeded, ${outcome.unknown} unknown; ${problems.length === 0 ? 'everything holds' : `DOES NOT HOLD: ${problems.join('; ')}`} (${seconds()} s)`,
  );
}

async function runProfile(sum: Sum, profile: Profile, share: { readonly kills: number; readonly records: number }): Promise<void> {
  const worlds = Math.max(1, Math.min(usualWorlds, share.kills >> 1), Math.ceil(share.kills / killsOfWorld));
  const part = (whole: number, index: number): number => Math.round(((index + 1) * whole) / worlds) - Math.round((index * whole) / worlds);
  const servers = profile === 'standalone' ? undefined : { kafka: await startKafka(), redis: await startRedis() };
  try {
    for (let index = 0; index < worlds; index += 1) {
      const seed = Number(values.seed) + index;
      const params: CrashParams = {
        ...{ seed, dice: createDice(seed), kills: part(share.kills, index), records: Math.max(1, part(share.records, index)) },
        // A wrong clock leaves records open that no process may send again, so most worlds have none.
        hasClocks: index % 4 === 3,
        hasLongStop: index % 4 === 1,
      };
      note(sum, profile, seed, servers === undefined ? await crashRuns(params) : await crashInstances(params, servers));
    }
  } finally {
    await Promise.all([servers?.kafka.stop(), servers?.redis.stop('SIGKILL')]);
  }
}

const wanted = profiles.filter((profile) => values.profile === undefined || values.profile === profile);
if (wanted.length === 0) throw new Error(`--profile: expected ${profiles.join(' or ')}, not ${values.profile}`);
const sum: Sum = { harm: noHarm(), records: 0, unknown: 0, worlds: 0, failed: 0 };
for (const profile of wanted)
  await runProfile(sum, profile, {
    kills: Math.ceil(Number(values.kills) / wanted.length),
    records: Math.ceil(Number(values.records) / wanted.length),
  });
const end = sum.failed === 0 ? 'everything holds' : `${sum.failed} worlds in which something does not hold`;
const text = `${tell(sum.harm)} over ${sum.records} records in ${sum.worlds} worlds, ${sum.unknown} of them open with a reason, in ${seconds()} s: ${end}`;
print(text);
keepFigure('crashes', { holds: sum.failed === 0, text, size: sum.harm.kills });
// Kafka's client keeps timers.
process.exit(sum.failed === 0 ? 0 : 1);
