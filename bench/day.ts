/**
 * An ordinary day: every answer of the gateway takes 200 ms, and one record in a hundred meets a fault (stub/faults.ts). Beside the rate it
 * shows what each contender makes of the faults.
 */
import { readFile } from 'node:fs/promises';
import type { Bench } from './contenders.ts';
import type { Maker } from './crash-contenders.ts';
import { countCrash } from './crash-count.ts';
import { rotated, spread, table } from './numbers.ts';
import { plainRows } from './plain-rows.ts';
import { startStub, type Stub } from './stub-client.ts';

export const day = { latencyMs: 200, faultShare: 0.01 } as const;
/** More than everywhere: the latency is to be felt, not to be all that is measured. */
const inFlight = 128;
const callsPerSecond = (inFlight * 1000) / day.latencyMs;

export interface DayRun {
  readonly contender: string;
  readonly round: number;
  readonly rows: number;
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
  readonly peakMib: number;
  readonly paidTwice: number;
  readonly paidReportedAsFailed: number;
  /** Not paid, and the contender gave up. */
  readonly unpaid: number;
  readonly open: number;
  readonly noResult: number;
  readonly lost: number;
  readonly unavailable: number;
}

export async function measureDay(
  bench: Bench,
  params: {
    readonly rows: number;
    readonly rounds: number;
    readonly makers: readonly Maker[];
    readonly say: (line: string) => void;
  },
): Promise<readonly DayRun[]> {
  const { rows, rounds, makers, say } = params;
  const stub = await startStub('succeed', day);
  try {
    const runs: DayRun[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      for (const maker of rotated(makers, round - 1)) {
        const one = await runDay(bench, maker, stub, rows, round);
        runs.push(one);
        say(`an ordinary day, round ${round}, ${maker.name}: ${Math.round(rows / one.wallSeconds)} rows/s`);
      }
    }
    return runs;
  } finally {
    await stub.stop();
  }
}

async function runDay(bench: Bench, maker: Maker, stub: Stub, rows: number, round: number): Promise<DayRun> {
  const file = await bench.place.file(rows);
  await stub.reset();
  const contender = await maker.make({ bench, gateway: stub.url, inFlight });
  try {
    const { seconds, cpuSeconds, peakMib } = await contender.finish(file);
    const [calls, { lost, unavailable }, { reported }] = [await stub.calls(), await stub.stats(), await contender.told()];
    const ids = plainRows(await readFile(file, 'utf8')).map(({ record_id }) => record_id);
    const count = countCrash(ids, calls, reported);
    return {
      contender: maker.name,
      round,
      rows,
      wallSeconds: seconds,
      cpuSeconds,
      peakMib,
      paidTwice: count.paidTwice,
      paidReportedAsFailed: count.reportedWrong,
      unpaid: ids.length - new Set(calls.filter(({ accepted }) => accepted).map(({ record_id }) => record_id)).size,
      open: count.reportedOpen,
      noResult: count.noResult,
      lost,
      unavailable,
    };
  } finally {
    await contender.close?.();
  }
}

const columns: readonly { readonly name: string; readonly digits: number; readonly of: (run: DayRun) => number }[] = [
  { name: 'rows/s', digits: 0, of: ({ rows, wallSeconds }) => rows / wallSeconds },
  { name: '% of what the latency allows', digits: 0, of: ({ rows, wallSeconds }) => (rows * 100) / wallSeconds / callsPerSecond },
  { name: 'CPU µs/row', digits: 0, of: ({ rows, cpuSeconds }) => (cpuSeconds / rows) * 1e6 },
  { name: 'peak MiB', digits: 0, of: ({ peakMib }) => peakMib },
  { name: 'paid twice', digits: 0, of: ({ paidTwice }) => paidTwice },
  { name: 'paid, reported as failed', digits: 0, of: ({ paidReportedAsFailed }) => paidReportedAsFailed },
  { name: 'not paid', digits: 0, of: ({ unpaid }) => unpaid },
  { name: 'reported as open', digits: 0, of: ({ open }) => open },
  { name: 'without a result', digits: 0, of: ({ noResult }) => noResult },
];

export function tellDay(runs: readonly DayRun[]): string {
  const names = [...new Set(runs.map(({ contender }) => contender))];
  const lines = names.map((name) => {
    const of = runs.filter(({ contender }) => contender === name);
    return [name, ...columns.map((column) => spread(of.map(column.of), column.digits))];
  });
  const [some] = runs;
  const legend = [
    `Answers after ${day.latencyMs} ms, ${inFlight} calls in flight, so at most ${callsPerSecond} rows/s.`,
    `${some?.lost ?? 0} records are paid at their first call and get no answer, ${some?.unavailable ?? 0} are not paid at their first call and get HTTP 503.`,
    'Queues and the bare loop try three times. rows/s: from the start to the last result, start-up and resends included.',
    'Reported as open: the record stays `unknown`, with its reason, until a webhook, a report or a person ends it.',
  ].join(' ');
  return `${table(['', ...columns.map(({ name }) => name)], lines)}\n\n${legend}`;
}
