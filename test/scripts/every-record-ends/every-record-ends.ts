/** Pays a file with every fault at once and kills in between; then the faults end, and every record has to end. */
import pLimit from 'p-limit';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Status } from '../../../batches/record/status.ts';
import { inCluster, once, type Cluster, type Servers } from '../../e2e/cluster.ts';
import { inWorld, otherPair, project, type World, type WorldOptions } from '../../e2e/world.ts';
import { csvOf } from '../../support/builders.ts';
import { freePort } from '../../support/free-port.ts';
import { customers, dailyReports, setFaults } from './actors.ts';
import { distributedPlayers, standalonePlayers, type Players } from './players.ts';
import { faultsOf, faultsThatStay, killMoments, randomOf, rowsOf, type Story } from './story.ts';
import { compare, countOf, endingOf, isPaid, needsPerson, type Endings, type Listed } from './verdict.ts';

/**
 * @property endings how many records each source ended: answer, resend, status check, webhook, report, person, …
 * @property open what only a report or a person could end: reason, and how many
 * @property contradicting open in the end, with an alert
 * @property problems what does not hold; empty when all does
 */
export interface Verdict {
  readonly kills: number;
  readonly sessions: number;
  readonly paid: number;
  readonly statuses: Endings;
  readonly endings: Endings;
  readonly openAfterFaults: Endings;
  readonly openAfterReport: Endings;
  /** Why a person had to end the rest. */
  readonly persons: Endings;
  readonly contradicting: Endings;
  readonly alerts: Endings;
  readonly problems: readonly string[];
}

const everyStatus = 'rejected,queued,submitting,in_progress,unknown,succeeded,failed,cancelled';

const jsonLines = <Line>(text: string): Line[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);

const listed = async (world: World, statuses = everyStatus): Promise<readonly Listed[]> => {
  const ended = await world.command(['records', '--status', statuses, '--json', '--limit', '100000']);
  if (ended.code !== 0) throw new Error(`records ended with ${ended.code}: ${ended.stderr}`);
  return jsonLines<Listed>(ended.stdout);
};

const openOnes = (world: World): Promise<readonly Listed[]> => listed(world, 'queued,submitting,in_progress,unknown');
const reasons = (records: readonly Listed[]): Endings =>
  countOf(records.map(({ status, reason }) => `${status} ${reason?.code ?? ''}`.trim()));

interface Alert {
  readonly alert: string;
  readonly record_id?: string;
}
const alertsOf = async (world: World): Promise<readonly Alert[]> => jsonLines<Alert>((await world.command(['alerts', '--json'])).stdout);

/** Kills at the moments of the story; returns how many of them came before the last call. */
async function killWhilePaying(world: World, players: Players, story: Story): Promise<number> {
  const random = randomOf(story.seed + 1);
  let kills = 0;
  let [calls, since] = [0, Date.now()];
  for (const moment of [...killMoments(story), Infinity]) {
    // Without a call for a while everything was sent that can be.
    while (calls < moment && Date.now() - since < 4_000) {
      await sleep(20);
      const count = world.sandbox.calls().length;
      if (count !== calls) [calls, since] = [count, Date.now()];
      if (world.sandbox.payments().length >= story.records * 0.97) break;
    }
    if (calls < moment) return kills;
    await players.kill(random);
    since = Date.now();
    kills += 1;
  }
  return kills;
}

/** A person looks at the gateway, and ends what nothing else can. */
async function endByPerson(world: World, records: readonly Listed[]): Promise<void> {
  const limit = pLimit(2);
  const sessions = Map.groupBy(world.sandbox.payments(), ({ record_id: id }) => id);
  await Promise.all(
    records.map(({ record_id: id }) =>
      limit(async () => {
        const as: Status = (sessions.get(id) ?? []).some(isPaid) ? 'succeeded' : 'cancelled';
        const why = ['--evidence', "the gateway's list", '--reason', 'nothing else can end it', '--by', 'alice'];
        const ended = await world.command(['resolve', id, '--as', as, ...why]);
        if (ended.code !== 0) throw new Error(`resolve ${id} ended with ${ended.code}: ${ended.stderr}`);
      }),
    ),
  );
}

async function play(world: World, players: Players, story: Story, finals: () => Promise<readonly string[]>): Promise<Verdict> {
  const firstDay = new Date().toISOString().slice(0, 10);
  const ending = new AbortController();
  const acting = customers(world, story.seed, ending.signal);
  try {
    await players.begin();
    const kills = await killWhilePaying(world, players, story);
    await setFaults(world, faultsThatStay(story.told));
    await players.settle();
    const openAfterFaults = await openOnes(world);
    const days = new Set([firstDay, new Date().toISOString().slice(0, 10)]);
    for (const report of await dailyReports(world, project, [...days])) {
      const ended = await world.command(['reconcile', report, '--json']);
      if (ended.code !== 0 && ended.code !== 2) throw new Error(`reconcile ended with ${ended.code}: ${ended.stderr}`);
    }
    const openAfterReport = await openOnes(world);
    const contradicted = new Set((await alertsOf(world)).map(({ record_id: id }) => id ?? ''));
    const left = openAfterReport.filter(({ record_id: id }) => !contradicted.has(id));
    const sessions = Map.groupBy(world.sandbox.payments(), ({ record_id: id }) => id);
    const why = left.map((one) => [one, needsPerson(story.told, one, sessions.get(one.record_id) ?? [])] as const);
    await endByPerson(world, left);
    await players.end();
    const judged = await judge(world, players, story, finals);
    const unexplained = why.filter(([, reason]) => reason === undefined);
    return {
      ...judged,
      kills,
      openAfterFaults: reasons(openAfterFaults),
      openAfterReport: reasons(openAfterReport),
      persons: countOf(why.map(([, reason]) => reason ?? 'not explained')),
      problems: [
        ...judged.problems,
        ...unexplained.map(([{ record_id: id, status, reason }]) => `${id} did not end by itself: ${status} (${reason?.code ?? ''})`),
      ],
    };
  } finally {
    ending.abort();
    await acting;
    await players.end();
  }
}

async function judge(
  world: World,
  players: Players,
  story: Story,
  finals: () => Promise<readonly string[]>,
): Promise<Omit<Verdict, 'kills' | 'openAfterFaults' | 'openAfterReport' | 'persons'>> {
  const expected = rowsOf(story.records).map(({ record_id: id = '' }) => id);
  const records = await listed(world);
  const witness = world.sandbox.payments();
  const alerts = await alertsOf(world);
  const contradicted = new Set(alerts.map(({ record_id: id }) => id ?? ''));
  const trails = await players.trails(expected);
  const told = countOf(await finals());
  const untold = records.filter((one) => one.final !== (told[one.record_id] === 1));
  return {
    sessions: witness.length,
    paid: witness.filter(isPaid).length,
    statuses: countOf(records.map(({ status }) => status)),
    endings: countOf([...trails.values()].map(endingOf)),
    contradicting: reasons(records.filter((one) => !one.final && contradicted.has(one.record_id))),
    alerts: countOf(alerts.map(({ alert }) => alert)),
    problems: [
      ...compare(records, witness, expected, contradicted),
      ...untold.map((one) => `${one.record_id} is ${one.status}, and has ${told[one.record_id] ?? 0} final results`),
    ],
  };
}

/** @param servers needed by the distributed profile */
export async function tell(story: Story, servers?: Servers): Promise<Verdict> {
  const port = story.told === 'status' ? 0 : await freePort();
  const webhooks = port === 0 ? {} : { webhookUrl: `http://127.0.0.1:${port}/webhooks/smart-glocal`, privateKeyPem: otherPair.privateKey };
  const options: WorldOptions = { confirm: story.confirm, seed: story.seed, retryGapMs: 20, ...webhooks };
  const told = Promise.withResolvers<Verdict>();
  const work = async (
    world: World,
    playersOf: (playing: Parameters<typeof standalonePlayers>[1]) => Players,
    finals: () => Promise<readonly string[]>,
  ): Promise<void> => {
    await setFaults(world, faultsOf(story.told));
    const env = {
      GATEWAY_TIMEOUT_MS: '2500',
      FOLLOW_INTERVAL_MS: '200',
      ...(port === 0 ? {} : { GATEWAY_PUBLIC_KEY_FILE: world.write('gateway.pem', otherPair.publicKey) }),
    };
    const file = world.write('all.csv', csvOf(rowsOf(story.records)));
    told.resolve(await play(world, playersOf({ file, env, port, quietMs: story.quietMs }), story, finals));
  };
  const ids = (events: readonly { readonly final: boolean; readonly record_id?: string | undefined }[]): string[] =>
    events.filter(({ final }) => final).map(({ record_id: id = '' }) => id);
  if (servers === undefined)
    await inWorld(options, (world) =>
      work(
        world,
        (playing) => standalonePlayers(world, playing),
        async () => ids(world.events()),
      ),
    );
  else
    await inCluster(servers, options, (cluster: Cluster) =>
      work(
        cluster,
        (playing) => distributedPlayers(cluster, playing),
        async () => ids(once(await cluster.results())),
      ),
    );
  return told.promise;
}
