/** The crash table: each contender killed with -9 when half of the file was sent, and started again on the same file. */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bareLoop, bullmq, bullmqTool, ours, type Bench } from './contenders.ts';
import { countCrash, type CrashCount, type Reported } from './crash-count.ts';
import { run, start, type Command } from './measure.ts';
import { table } from './numbers.ts';
import type { KeyStyle, PeerResult } from './peers/payout.ts';
import type { RedisSource } from './redis-server.ts';
import { startStub, type Stub } from './stub-client.ts';

export interface Crash {
  readonly contender: string;
  readonly count: CrashCount;
  readonly secondSeconds: number;
  readonly note: string;
}

interface Contender {
  readonly name: string;
  readonly command: Command;
  /** What it reports of its records after the second start. */
  reported(): Promise<ReadonlyMap<string, Reported>>;
  note?(): Promise<string>;
  close?(): Promise<void>;
}

/** A line that a kill cut off is no result. */
function readLines<T>(text: string): T[] {
  return text.split('\n').flatMap((line) => {
    try {
      return [JSON.parse(line) as T];
    } catch {
      return [];
    }
  });
}

const textOf = (path: string): Promise<string> => (existsSync(path) ? readFile(path, 'utf8') : Promise.resolve(''));

/** A record that was reported as succeeded once has a result, whatever was reported of its repeat. */
function reportedByPeer(results: readonly PeerResult[]): ReadonlyMap<string, Reported> {
  const reported = new Map<string, Reported>();
  for (const { record_id, status } of results)
    if (reported.get(record_id) !== 'succeeded') reported.set(record_id, status === 'succeeded' ? 'succeeded' : 'failed');
  return reported;
}

interface OurResult {
  readonly record_id?: string;
  readonly sequence: number;
  readonly status: string;
  readonly final: boolean;
}

/** The event with the highest sequence counts. */
function reportedByDisburse(events: readonly OurResult[]): ReadonlyMap<string, Reported> {
  const last = new Map<string, OurResult>();
  for (const event of events) {
    const { record_id: recordId } = event;
    if (recordId !== undefined && (last.get(recordId)?.sequence ?? 0) < event.sequence) last.set(recordId, event);
  }
  const status = (event: OurResult): Reported => (event.final ? (event.status === 'succeeded' ? 'succeeded' : 'failed') : 'open');
  return new Map([...last].map(([recordId, event]) => [recordId, status(event)]));
}

type Make = (bench: Bench, file: string, gateway: string) => Promise<Contender>;

const makeOurs: Make = async (bench, file, gateway) => {
  const dataDir = await bench.place.fresh('data');
  return {
    name: 'disburse run',
    command: ours(bench, { file, gateway, dataDir }),
    reported: async () => reportedByDisburse(readLines<OurResult>(await textOf(join(dataDir, 'results.jsonl')))),
  };
};

const makeBare =
  (resume: boolean, keys: KeyStyle): Make =>
  async (bench, file, gateway) => {
    const results = join(await bench.place.fresh('bare'), 'results.jsonl');
    return {
      name: `bare loop${resume ? ' that resumes' : ''}, ${keys} keys`,
      command: bareLoop(bench, { file, gateway, results, resume, keys }),
      reported: async () => reportedByPeer(readLines<PeerResult>(await textOf(results))),
    };
  };

const makeBullmq =
  (source: RedisSource, keys: KeyStyle): Make =>
  async (bench, file, gateway) => {
    const results = join(await bench.place.fresh('bullmq'), 'results.jsonl');
    const server = await source.start(bench.place.folder);
    const prefix = `bench-${randomUUID()}`;
    return {
      name: `BullMQ, ${keys} keys`,
      command: bullmq(bench, { file, gateway, results, keys, redis: server.url, prefix }),
      reported: async () => reportedByPeer(readLines<PeerResult>((await run(bullmqTool(bench, 'dump', server.url, prefix))).stdout)),
      note: async () =>
        `${new Set(readLines<PeerResult>(await textOf(results)).map(({ record_id }) => record_id)).size} records in its exported results file`,
      close: async () => {
        await run(bullmqTool(bench, 'clean', server.url, prefix));
        await server.stop();
      },
    };
  };

/** Exit 2 says that some records need attention, which is true after a kill. */
const expectedExits = [0, 2];

async function crash(contender: Contender, stub: Stub, rows: number, recordIds: readonly string[]): Promise<Crash> {
  await stub.reset();
  const first = start(contender.command);
  await Promise.race([
    stub.reached(rows / 2),
    first.measured.then(({ code, stderr }) => Promise.reject(new Error(`${contender.name} ended by itself with ${code}: ${stderr}`))),
  ]);
  first.kill();
  // The race's other promise is settled by the kill, too late to be heard.
  await first.measured;
  const second = await run(contender.command, expectedExits);
  const count = countCrash(recordIds, await stub.calls(), await contender.reported());
  return { contender: contender.name, count, secondSeconds: second.wallSeconds, note: (await contender.note?.()) ?? '' };
}

export async function measureCrashes(
  bench: Bench,
  params: { readonly rows: number; readonly redis: RedisSource | undefined; readonly say: (line: string) => void },
): Promise<readonly Crash[]> {
  const { rows, redis, say } = params;
  const file = await bench.place.file(rows);
  const recordIds = (await readFile(file, 'utf8'))
    .split('\n')
    .slice(1, -1)
    .map((line) => line.slice(0, line.indexOf(',')));
  const makes: readonly Make[] = [
    makeOurs,
    makeBare(false, 'random'),
    makeBare(true, 'random'),
    makeBare(true, 'derived'),
    ...(redis === undefined ? [] : [makeBullmq(redis, 'random'), makeBullmq(redis, 'derived')]),
  ];
  const stub = await startStub('succeed');
  try {
    const crashes: Crash[] = [];
    for (const make of makes) {
      const contender = await make(bench, file, stub.url);
      try {
        crashes.push(await crash(contender, stub, rows, recordIds));
      } finally {
        await contender.close?.();
      }
      say(`killed and started again: ${contender.name}`);
    }
    return crashes;
  } finally {
    await stub.stop();
  }
}

export function tellCrashes(crashes: readonly Crash[]): string {
  const header = [
    '',
    'under two keys',
    'paid twice',
    'never sent',
    'without a result',
    'paid, reported as failed',
    'reported as open',
    'repeats refused',
    'second start s',
  ];
  const lines = crashes.map(({ contender, count, secondSeconds }) => [
    contender,
    String(count.twoKeys),
    String(count.paidTwice),
    String(count.neverSent),
    String(count.noResult),
    String(count.reportedWrong),
    String(count.reportedOpen),
    String(count.repeats),
    secondSeconds.toFixed(1),
  ]);
  const notes = crashes.filter(({ note }) => note !== '').map(({ contender, note }) => `- ${contender}: ${note}.`);
  return [table(header, lines), ...(notes.length === 0 ? [] : ['', ...notes])].join('\n');
}
