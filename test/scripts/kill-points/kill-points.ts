/** Kills a run at one point and runs it again: whatever the point, nothing is paid twice and nothing is lost. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Summary } from '../../../batches/record/summary.ts';
import { resultSchema, type ResultEvent } from '../../../batches/record/result-event.ts';
import { openReader } from '../../../src/ledger/sqlite/reader.ts';
import { csvOf, row, type Row } from '../../support/builders.ts';
import { inWorld, linesOf, type World } from '../../e2e/world.ts';
import { startWitnessGateway, type WitnessGateway, type WitnessOptions } from '../../support/witness-gateway.ts';

export interface Scenario {
  readonly name: string;
  readonly args: readonly string[];
  readonly witness: WitnessOptions;
  /** Runs before the file whose run is killed. */
  readonly prepare?: (world: World) => Promise<void>;
  /** How many sessions each of the file's records must have in the end. */
  readonly sessionsEach: 0 | 1;
  /** What the last run may exit with: 2 where a kill left a record open whose session only the lost answer named. */
  readonly codes: readonly number[];
}

const rows: readonly Row[] = Array.from({ length: 8 }, (_, index) => row(`k-${index + 1}`, { amount: `${index + 1}.07` }));

export const scenarios: readonly Scenario[] = [
  { name: 'skip', args: [], witness: {}, sessionsEach: 1, codes: [0, 2] },
  { name: 'all-or-nothing', args: ['--policy', 'all-or-nothing'], witness: {}, sessionsEach: 1, codes: [0, 2] },
  {
    name: 'lost answers',
    args: [],
    // The first answer of every second record: its resend learns that the gateway has it.
    witness: { losesAnswer: (recordId, nth) => nth === 1 && Number(recordId.slice(2)) % 2 === 0 },
    sessionsEach: 1,
    codes: [2],
  },
  {
    name: 'all-or-nothing with a conflict',
    args: ['--policy', 'all-or-nothing'],
    witness: {},
    async prepare(world) {
      await world.run(world.write('april.csv', csvOf([row('k-5', { amount: '500.00' })])));
    },
    sessionsEach: 0,
    codes: [2],
  },
];

const preload = join(import.meta.dirname, 'preload.script.ts');
const killEnv = (more: Readonly<Record<string, string>>) => ({ NODE_OPTIONS: `--import ${preload}`, ...more });

/** A world whose gateway is the witness, with the file of the scenario. */
const inScenario = <Result>(
  scenario: Scenario,
  work: (world: World, path: string, gateway: WitnessGateway) => Promise<Result>,
): Promise<Result> =>
  new Promise((resolve, reject) => {
    inWorld({}, async (world) => {
      const gateway = await startWitnessGateway(scenario.witness);
      try {
        Object.assign(world.env, { GATEWAY_URL: gateway.url, GATEWAY_KEY_LIFETIME: '12h' });
        await scenario.prepare?.(world);
        resolve(await work(world, world.write('may.csv', csvOf(rows)), gateway));
      } finally {
        await gateway.close();
      }
    }).catch(reject);
  });

/** Every point that a run of the scenario passes, as `point:nth`. */
export const pointsOf = (scenario: Scenario): Promise<readonly string[]> =>
  inScenario(scenario, async (world, path) => {
    const report = join(world.folder, 'points');
    await world.run(path, scenario.args, killEnv({ KILL_REPORT: report }));
    const passed = new Map<string, number>();
    for (const thread of Array.from({ length: 8 }, (_, id) => `${report}.${id}`).filter(existsSync)) {
      const counts = JSON.parse(readFileSync(thread, 'utf8')) as Record<string, number>;
      for (const [point, count] of Object.entries(counts)) passed.set(point, Math.max(count, passed.get(point) ?? 0));
    }
    return [...passed].flatMap(([point, count]) => Array.from({ length: count }, (_, index) => `${point}:${index + 1}`));
  });

export interface Outcome {
  /** The point was reached and the process died there. */
  readonly wasKilled: boolean;
  /** What does not hold; empty when all does. */
  readonly problems: readonly string[];
}

/** Kills a run of the scenario at this point, and runs it again until it ends by itself. */
export const killAt = (scenario: Scenario, point: string): Promise<Outcome> =>
  inScenario(scenario, async (world, path, gateway) => {
    const killed = await world.begin(['run', path, '--json', ...scenario.args], killEnv({ KILL_AT: point })).ended;
    const last = await world.run(path, scenario.args);
    const problems = [
      ...(scenario.codes.includes(last.code ?? -1) ? [] : [`the run after the kill exited with ${last.code}: ${last.stderr}`]),
      ...(last.summary.balanced ? [] : ['the summary does not balance']),
      ...paymentProblems(scenario, gateway),
      ...resultProblems(world),
      ...(await ledgerProblems(world, last.summary)),
    ];
    return { wasKilled: killed.signal === 'SIGKILL', problems };
  });

function paymentProblems({ sessionsEach }: Scenario, { records }: WitnessGateway): string[] {
  const problems: string[] = [];
  for (const { record_id: recordId = '' } of rows) {
    const seen = records.get(recordId);
    const isPrepared = sessionsEach === 0 && recordId === 'k-5';
    const expected = isPrepared ? 1 : sessionsEach;
    if ((seen?.sessions ?? 0) !== expected) problems.push(`${recordId} has ${seen?.sessions ?? 0} sessions, not ${expected}`);
    if ((seen?.keys.size ?? 0) > 1) problems.push(`${recordId} was sent under ${seen?.keys.size} keys`);
    if ((seen?.bodies.size ?? 0) > 1) problems.push(`${recordId} was sent with ${seen?.bodies.size} different bodies`);
  }
  return problems;
}

function resultProblems(world: World): string[] {
  const problems: string[] = [];
  const events: ResultEvent[] = [];
  for (const line of linesOf(join(world.dataDir, 'results.jsonl'))) {
    try {
      events.push(resultSchema.parse(JSON.parse(line)));
    } catch {
      problems.push(`a line of the results cannot be read: ${line.slice(0, 60)}`);
    }
  }
  const ids = new Set(events.map((event) => event.event_id));
  if (ids.size !== events.length) problems.push(`${events.length - ids.size} events are in the results twice`);
  for (const [place, its] of Map.groupBy(events, ({ source }) => JSON.stringify(source))) {
    const finals = its.filter((event) => event.final);
    if (finals.length > 1) problems.push(`${place} has ${finals.length} final results`);
  }
  for (const [recordId, its] of Map.groupBy(events, (event) => event.record_id)) {
    const sequences = its.map(({ sequence }) => sequence);
    if (sequences.some((sequence, index) => index > 0 && sequence <= (sequences[index - 1] ?? 0)))
      problems.push(`the sequences of ${recordId} do not rise: ${sequences.join(' ')}`);
  }
  return problems;
}

/** Recounts the batch from its records, and compares with what the summary says. */
async function ledgerProblems(world: World, summary: Summary): Promise<string[]> {
  const ledger = await openReader(world.dataDir);
  try {
    if ((await ledger.outbox({ limit: 1 })).length > 0) return ['an event is left unpublished'];
    const problems: string[] = [];
    for (const status of ['queued', 'submitting', 'in_progress', 'unknown', 'succeeded', 'failed', 'cancelled'] as const) {
      const listed = await ledger.list({ batchId: summary.batch_id, status, limit: 100 });
      const told = summary.statuses[status]?.count ?? 0;
      if (listed.length !== told) problems.push(`${listed.length} records are ${status}, and the summary says ${told}`);
    }
    return problems;
  } finally {
    await ledger.close();
  }
}
