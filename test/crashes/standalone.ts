/** A file that is paid by `run`, which is killed, frozen, out of disk and out of time at random moments, and started again. */
import { spawn } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Dice } from '../../simulation/dice.ts';
import { csvOf, payouts } from '../support/builders.ts';
import { inWorld, type World } from '../e2e/world.ts';
import { accountOf, problemsOfSummary } from './accounts.ts';
import {
  hasEnded,
  killed,
  noHarm,
  shiftedClock,
  stopped,
  worldOptions,
  type CrashOutcome,
  type CrashParams,
  type Harm,
} from './crash-world.ts';

const cli = join(import.meta.dirname, '..', '..', 'src', 'cli.ts');
/** Records a second: a round pays a few hundred at most. */
const settings = { DISPATCH_RATE: '300', GATEWAY_TIMEOUT_MS: '2000', FOLLOW_INTERVAL_MS: '200' };
/** The lease of a send is twice the timeout and a minute. */
const beyondLeaseMs = 66_000;
const longestRoundMs = 20_000;
const mostLastRuns = 5;

type Round = 'kill' | 'stop' | 'long stop' | 'clock' | 'full disk';

function drawRound(dice: Dice, { hasClocks }: CrashParams): Round {
  if (dice.chance(0.08)) return 'full disk';
  if (dice.chance(0.1)) return 'stop';
  return hasClocks && dice.chance(0.6) ? 'clock' : 'kill';
}

export async function crashRuns(params: CrashParams): Promise<CrashOutcome> {
  const { records, dice } = params;
  let outcome: CrashOutcome | undefined;
  await inWorld({ ...worldOptions, seed: params.seed }, async (world) => {
    Object.assign(world.env, settings);
    const file = world.write('payouts.csv', csvOf(payouts(records)));
    const harm = noHarm();
    let longStops = params.hasLongStop ? 1 : 0;
    while (harm.kills < params.kills) {
      const isLong = longStops > 0 && harm.kills * 2 >= params.kills;
      if (isLong) longStops -= 1;
      await round(world, file, { params, harm, dice, what: isLong ? 'long stop' : drawRound(dice, params) });
    }
    outcome = await settle(world, file, { params, harm });
  });
  if (outcome === undefined) throw new Error('the world has ended without an outcome');
  return outcome;
}

interface RoundParams {
  readonly params: CrashParams;
  readonly harm: Harm;
  readonly dice: Dice;
  readonly what: Round;
}

async function round(world: World, file: string, { params, harm, dice, what }: RoundParams): Promise<void> {
  const before = world.sandbox.payments().length;
  if (what === 'full disk') {
    if (await outOfRoom(world, file, dice)) harm.fullDisks += 1;
    return;
  }
  const running = world.begin(['run', file, '--json'], what === 'clock' ? shiftedClock(dice) : {});
  if (what === 'clock') harm.clocks += 1;
  // Some die while they start; most while they pay.
  if (what === 'kill' && dice.chance(0.2)) await sleep(dice.between(0, 1_500));
  else {
    const enough = before + dice.between(1, Math.max(1, Math.round((1.2 * params.records) / params.kills)));
    const deadline = performance.now() + longestRoundMs;
    while (!hasEnded(running) && world.sandbox.payments().length < enough && performance.now() < deadline) await sleep(5);
    await sleep(dice.between(0, 60));
  }
  if (what === 'stop' && (await stopped(running, dice.between(100, 4_000)))) harm.stops += 1;
  if (what === 'long stop' && (await stopped(running, beyondLeaseMs))) harm.stops += 1;
  if (what === 'stop' || what === 'long stop') await sleep(dice.between(0, 300));
  // One that has come to its end could not be killed: the next round is as good.
  if (await killed(running)) harm.kills += 1;
  else if (world.sandbox.payments().length >= params.records) await killedAtStart(world, file, { harm, dice });
}

/** The file is paid: a run that checks that is killed all the same. */
async function killedAtStart(world: World, file: string, { harm, dice }: Pick<RoundParams, 'harm' | 'dice'>): Promise<void> {
  const running = world.begin(['run', file, '--json']);
  await sleep(dice.between(0, 800));
  if (await killed(running)) harm.kills += 1;
}

/** @returns whether it ran out of room */
async function outOfRoom({ env, dataDir }: World, file: string, dice: Dice): Promise<boolean> {
  const sizes = ['ledger.sqlite', 'ledger.sqlite-wal', 'results.jsonl'].map((name) => {
    const path = join(dataDir, name);
    return existsSync(path) ? statSync(path).size : 0;
  });
  // In blocks of 512 bytes or of 1 KiB, as the shell has it: only the order of magnitude counts.
  const blocks = Math.max(1, Math.ceil(Math.max(...sizes) / 1024) + dice.between(-20, 200));
  const child = spawn('sh', ['-c', `ulimit -f ${blocks}; exec "$0" "$@"`, process.execPath, cli, 'run', file, '--json', '--no-wait'], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const timer = setTimeout(() => child.kill('SIGKILL'), longestRoundMs);
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  clearTimeout(timer);
  return code === 3 && /room|full|limit/.test(stderr);
}

/** Without faults, until the run ends by itself. */
async function settle(world: World, file: string, { params, harm }: Pick<RoundParams, 'params' | 'harm'>): Promise<CrashOutcome> {
  let last = await world.run(file, ['--wait', '2m']);
  for (let runs = 1; runs < mostLastRuns && last.code !== 0 && last.code !== 2; runs += 1) last = await world.run(file, ['--wait', '2m']);
  const amounts = new Map(payouts(params.records).map((row, index) => [row['record_id'] ?? '', (index + 1) * 100 + 7]));
  const { problems, ...counts } = accountOf({ amounts, payments: world.sandbox.payments(), events: world.events(), mayRepeat: false });
  const ends = last.code === 0 || last.code === 2 ? [] : [`the last run ended with ${last.code}: ${last.stderr.slice(-500)}`];
  return { harm, records: params.records, ...counts, problems: [...problems, ...problemsOfSummary(last.summary, params.records), ...ends] };
}
