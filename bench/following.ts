/**
 * Following by itself: the stub says that each payout is in progress, asks for confirmation at the first look, and has
 * paid at the next look after it. So every record takes four signed calls.
 */
import { rm } from 'node:fs/promises';
import { ours, type Bench } from './contenders.ts';
import { othersShare, type Disturbances } from './disturbance.ts';
import { run, type Measured } from './measure.ts';
import { spread, table } from './numbers.ts';
import { startStub, type Stub } from './stub-client.ts';
import { readSummary } from './throughput.ts';

/** The pause before the first look. The default of two seconds is for a gateway that needs them. */
const intervalMs = 100;

export interface Followed {
  readonly rows: number;
  readonly measured: Measured;
  readonly followCalls: number;
  readonly stubCpuSeconds: number;
}

async function followOnce(bench: Bench, stub: Stub, file: string, rows: number): Promise<Followed> {
  await stub.reset();
  const stubBefore = stub.cpuSeconds();
  const dataDir = await bench.place.fresh('data');
  const measured = await run(ours(bench, { file, gateway: stub.url, dataDir, env: { FOLLOW_INTERVAL_MS: String(intervalMs) } }));
  await rm(dataDir, { recursive: true });
  const succeeded = readSummary(measured.stdout).statuses['succeeded']?.count;
  if (succeeded !== rows) throw new Error(`${succeeded} of ${rows} records were followed to succeeded`);
  const stubCpuSeconds = stub.cpuSeconds() - stubBefore;
  return { rows, measured, followCalls: (await stub.stats()).follow_calls, stubCpuSeconds };
}

export async function measureFollowing(
  bench: Bench,
  params: { readonly rows: number; readonly rounds: number; readonly disturbances: Disturbances; readonly say: (line: string) => void },
): Promise<readonly Followed[]> {
  const { rows, rounds, disturbances, say } = params;
  const file = await bench.place.file(rows);
  const stub = await startStub('follow');
  try {
    const followed: Followed[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      const one = await disturbances.avoid(
        () => followOnce(bench, stub, file, rows),
        ({ measured, stubCpuSeconds }) => othersShare(measured, stubCpuSeconds),
      );
      followed.push(one);
      say(`following, round ${round}: ${Math.round(rows / one.measured.wallSeconds)} records/s`);
    }
    return followed;
  } finally {
    await stub.stop();
  }
}

export function tellFollowing(runs: readonly Followed[]): string {
  const header = ['records', 'records/s to the end', 'signed calls/s', 'calls a record', 'wall s', 'CPU s', 'peak MiB'];
  const cells = [
    (runs[0]?.rows ?? 0).toLocaleString('en'),
    spread(runs.map(({ rows, measured }) => rows / measured.wallSeconds)),
    spread(runs.map(({ rows, followCalls, measured }) => (rows + followCalls) / measured.wallSeconds)),
    spread(
      runs.map(({ rows, followCalls }) => (rows + followCalls) / rows),
      2,
    ),
    spread(
      runs.map(({ measured }) => measured.wallSeconds),
      2,
    ),
    spread(
      runs.map(({ measured }) => measured.cpuSeconds),
      2,
    ),
    spread(runs.map(({ measured }) => measured.peakMib)),
  ];
  return `${table(header, [cells])}\n\nFOLLOW_INTERVAL_MS=${intervalMs}; init, status, confirm and status for each record.`;
}
