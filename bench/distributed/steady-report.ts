/** The steady runs as tables. */
import { availableParallelism } from 'node:os';
import { table } from '../numbers.ts';
import { bounds, type Waits } from './latency.ts';
import type { Memory, SteadyReport, SteadyRun } from './steady.ts';

const whole = (value: number): string => Math.round(value).toLocaleString('en');
const each = (values: readonly number[]): string => values.map((value) => value.toFixed(0)).join(' and ');

export function tellSteady({ runs, search }: SteadyReport): string {
  return [
    ...runs.map((run) =>
      tellRun(
        run,
        search.filter(({ instances }) => instances === run.instances),
      ),
    ),
    legend,
  ].join('\n\n');
}

const legend = [
  "Waits: from an event's timestamp, the moment when it was due, until the broker appended its first result. Kept: the producer was never later",
  `than ${bounds.producerLateMs / 1000} s, and in the last quarter no more events waited for a result than come in ${bounds.backlogSeconds} s (median of its seconds).`,
  'Lag: events that the group had not committed when the last was published. CPU: user and system, in cores, while events were published.',
  'Memory: resident set; the start is an instance that is ready and has paid nothing, the end is when the last event was published.',
].join(' ');

const waitHeader = ['p50 ms', 'p90 ms', 'p99 ms', 'max ms'];
const waitCells = ({ waits }: Pick<SteadyRun, 'waits'>): readonly string[] => [waits.p50, waits.p90, waits.p99, waits.max].map(whole);

function tellSettled(waits: Waits): string {
  const cells = waitCells({ waits });
  return `After the first minute: ${waitHeader.map((name, index) => `${name} ${cells[index]}`).join(', ')}.`;
}

function tellRun(run: SteadyRun, search: readonly SteadyRun[]): string {
  const { rate, seconds, instances, costs } = run;
  const heading = `### ${whole(rate)} events/s for ${whole(seconds)} s, ${instances} ${instances === 1 ? 'instance' : 'instances'}`;
  const summary = table(
    ['kept', ...waitHeader, 'most waiting', 'lag at the end', 'drained after s', 'producer late ms', 'results twice'],
    [
      [
        run.kept ? 'yes' : 'no',
        ...waitCells(run),
        whole(run.worstBacklog),
        whole(run.lagAtEnd),
        run.drainSeconds.toFixed(1),
        whole(run.producerLateMs),
        whole(run.extraResults),
      ],
    ],
  );
  const cores = (cpuSeconds: number): string => (cpuSeconds / costs.wallSeconds).toFixed(2);
  const used = table(
    ['CPU in cores', 'disburse', 'Kafka', 'Redis', 'stub', 'producer and consumer', 'others'],
    [
      [
        '',
        cores(costs.disburse),
        cores(costs.kafka),
        cores(costs.redis),
        cores(costs.stub),
        cores(costs.bench),
        (costs.othersShare * availableParallelism()).toFixed(2),
      ],
    ],
  );
  const moments: readonly (keyof Memory)[] = ['start', 'middle', 'end', 'peak'];
  const memory = table(
    ['MiB of each instance', ...moments, 'Redis at the end'],
    [['', ...moments.map((moment) => each(run.memory[moment])), whole(run.redisMib)]],
  );
  const time = (part: number): string =>
    `${whole((part / run.parts.length) * seconds)} to ${whole(((part + 1) / run.parts.length) * seconds)}`;
  const course = table(
    ['seconds', ...waitHeader, 'waiting at its end'],
    run.parts.map((part, index) => [time(index), ...waitCells(part), whole(part.backlog)]),
  );
  const settled = run.settledWaits === undefined ? [] : [tellSettled(run.settledWaits)];
  const found = run.kept ? [] : [tellSearch(run, search)];
  return [heading, summary, ...settled, used, memory, course, ...found].join('\n\n');
}

/** What this machine keeps, where the asked rate is too much for all that runs on it. */
function tellSearch({ rate }: SteadyRun, search: readonly SteadyRun[]): string {
  const best = search.filter(({ kept }) => kept).at(-1);
  const verdict =
    best === undefined
      ? 'none of the lower rates was kept either'
      : `the highest rate that was kept in ${whole(best.seconds)} s is ${whole(best.rate)} events/s`;
  const lines = search.map((run) => [
    whole(run.rate),
    run.kept ? 'yes' : 'no',
    ...waitCells(run),
    whole(run.worstBacklog),
    whole(run.lagAtEnd),
  ]);
  const shared = `${availableParallelism()} cores, shared with Kafka, Redis, the stub, the producer and the measuring consumer`;
  return `${whole(rate)} events/s were not kept on this machine (${shared}); ${verdict}:\n\n${table(['events/s', 'kept', ...waitHeader, 'most waiting', 'lag at the end'], lines)}`;
}
