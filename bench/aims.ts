/** What is aimed at, and what the parts that ran show of it. */
import type { Crash } from './crash-table.ts';
import type { SteadyReport } from './distributed/steady.ts';
import { scalingOf, type Scaled } from './distributed/scaling.ts';
import type { Passage, Passer } from './distributed/topic.ts';
import type { Check } from './large.ts';
import { shapes, type Shape } from './make-file.ts';
import { median, table } from './numbers.ts';
import { rateOf, type Contender, type Payment } from './throughput.ts';

/** What the parts measured; empty or undefined for a part that did not run. */
export interface Findings {
  payments: readonly Payment[];
  large: Payment | undefined;
  checks: readonly Check[];
  crashes: readonly Crash[];
  passages: readonly Passage[];
  steady: SteadyReport | undefined;
  scaled: readonly Scaled[];
}

export const noFindings = (): Findings => ({
  payments: [],
  large: undefined,
  checks: [],
  crashes: [],
  passages: [],
  steady: undefined,
  scaled: [],
});

export interface Aim {
  readonly work: string;
  /** Undefined when the part did not run. */
  readonly figure: number | undefined;
  readonly digits: number;
  readonly unit?: string;
  readonly bound: { readonly atLeast: number } | { readonly atMost: number } | { readonly below: number };
}

/** Undefined when there is nothing to judge. */
export function isReached({ figure, bound }: Aim): boolean | undefined {
  if (figure === undefined) return undefined;
  if ('atLeast' in bound) return figure >= bound.atLeast;
  return 'atMost' in bound ? figure <= bound.atMost : figure < bound.below;
}

const medianOf = (values: readonly number[]): number | undefined => (values.length === 0 ? undefined : median(values));
const most = (values: readonly number[]): number | undefined => (values.length === 0 ? undefined : Math.max(...values));

/** Of what two contenders did in the same round. */
function ratios<T extends { readonly round: number }>(ones: readonly T[], others: readonly T[], of: (one: T) => number): readonly number[] {
  return ones.flatMap((one) => others.filter(({ round }) => round === one.round).map((other) => of(one) / of(other)));
}

const mebibyteInMb = 2 ** 20 / 1e6;

function payingAims({ payments: paid, large }: Findings): readonly Aim[] {
  const payments = paid.filter(({ shape }) => shape === 'plain');
  const sizes = [...new Set(payments.map(({ rows }) => rows))];
  const all = sizes.length === 0 ? [20_000, 100_000] : sizes;
  const ofSize = (contender: Contender, rows: number): readonly Payment[] =>
    payments.filter((payment) => payment.contender === contender && payment.rows === rows);
  const cpuOf = ({ measured, rows }: Payment): number => measured.cpuSeconds / rows;
  const against = (other: Contender, atLeast: number): readonly Aim[] =>
    all.map((rows) => ({
      work: `\`run\` / ${other}, ${rows.toLocaleString('en')} rows`,
      figure: medianOf(ratios(ofSize('disburse run', rows), ofSize(other, rows), rateOf)),
      digits: 2,
      bound: { atLeast },
    }));
  const ours = [...payments.filter(({ contender }) => contender === 'disburse run'), ...(large === undefined ? [] : [large])];
  return [
    ...against('bare loop', 1),
    ...against('BullMQ', 1.5),
    ...against('pg-boss', 1.3),
    ...all.map((rows) => ({
      work: `\`run\`, CPU a row / bare loop's, ${rows.toLocaleString('en')} rows`,
      figure: medianOf(ratios(ofSize('disburse run', rows), ofSize('bare loop', rows), cpuOf)),
      digits: 2,
      bound: { atMost: 1.2 },
    })),
    ...[...new Set(ours.map(({ rows }) => rows))].map((rows) => ({
      work: `\`run\`, peak memory, ${rows.toLocaleString('en')} rows`,
      figure: most(ours.filter((payment) => payment.rows === rows).map(({ measured }) => measured.peakMib * mebibyteInMb)),
      digits: 0,
      unit: ' MB',
      bound: { atMost: 150 },
    })),
  ];
}

function checkingAims({ checks }: Findings): readonly Aim[] {
  const of = (contender: Check['contender'], shape: Shape): readonly Check[] =>
    checks.filter((check) => check.contender === contender && check.shape === shape);
  return shapes.map((shape) => ({
    work: `\`validate\` / csv-parse, ${shape}`,
    figure: medianOf(ratios(of('disburse validate', shape), of('csv-parse alone', shape), ({ measured }) => 1 / measured.wallSeconds)),
    digits: 2,
    bound: { atLeast: 1 },
  }));
}

function topicAims({ passages, scaled }: Findings): readonly Aim[] {
  const of = (passer: Passer): readonly Passage[] => passages.filter((passage) => passage.passer === passer);
  const rate = ({ records, wallSeconds }: Passage): number => records / wallSeconds;
  const against = (other: Passer): number | undefined => medianOf(ratios(of('serve, 1 instance'), of(other), rate));
  const redis = of('serve, 1 instance').flatMap(({ redisCpuSeconds, records }) =>
    redisCpuSeconds === undefined ? [] : [(redisCpuSeconds / records) * 1e6],
  );
  return [
    { work: 'topic to topic, one instance / BullMQ', figure: against('BullMQ'), digits: 2, bound: { atLeast: 1 } },
    { work: 'topic to topic, one instance / `run`', figure: against('disburse run'), digits: 2, bound: { atLeast: 0.8 } },
    { work: 'Redis CPU a record, one instance', figure: medianOf(redis), digits: 0, unit: ' µs', bound: { atMost: 120 } },
    {
      work: 'eight instances / one, answers after 200 ms',
      figure: medianOf(scalingOf(scaled, 8)),
      digits: 2,
      bound: { atLeast: 7.5 },
    },
  ];
}

function steadyAims({ steady }: Findings): readonly Aim[] {
  const [run] = steady?.runs ?? [];
  const what = run === undefined ? 'steady 1,000 events/s' : `steady ${run.rate.toLocaleString('en')} events/s`;
  return [
    { work: `${what}, p99 after the first minute`, figure: run?.settledWaits?.p99, digits: 0, unit: ' ms', bound: { below: 250 } },
    { work: `${what}, p99 of all`, figure: run?.waits.p99, digits: 0, unit: ' ms', bound: { below: 1_000 } },
  ];
}

/** Everything that must not happen to a record of ours, in one number. */
const harmOf = ({ count, forgotten, otherAmounts, readable }: Crash): number =>
  count.twoKeys +
  count.paidTwice +
  count.neverSent +
  count.noResult +
  count.reportedWrong +
  forgotten.twoKeys +
  forgotten.paidTwice +
  forgotten.noResult +
  forgotten.reportedWrong +
  otherAmounts.silent +
  otherAmounts.paidAgain +
  (readable ?? 0);

function crashAims({ crashes }: Findings): readonly Aim[] {
  const ours = crashes.filter(({ contender }) => contender.startsWith('disburse'));
  const aims = ours.map((crash) => ({ name: crash.contender, figure: harmOf(crash) }));
  return (aims.length === 0 ? [{ name: 'ours', figure: undefined }] : aims).map(({ name, figure }) => ({
    work: `crash table, ${name}: two keys, paid twice, never sent, no or a wrong result, readable`,
    figure,
    digits: 0,
    bound: { atMost: 0 },
  }));
}

export const aimsOf = (findings: Findings): readonly Aim[] => [
  ...payingAims(findings),
  ...checkingAims(findings),
  ...topicAims(findings),
  ...steadyAims(findings),
  ...crashAims(findings),
];

const shown = (value: number): string => value.toLocaleString('en');

const boundText = ({ bound, unit = '' }: Aim): string => {
  if ('atLeast' in bound) return `>= ${shown(bound.atLeast)}${unit}`;
  return 'atMost' in bound ? `<= ${shown(bound.atMost)}${unit}` : `< ${shown(bound.below)}${unit}`;
};

/** Measured by commands of their own, because each of them takes minutes on a machine that does nothing else. */
const apart: readonly (readonly string[])[] = [
  ['rate used by one to eight instances', '', '>= 99 %, 0 over', '`node bench/distributed/limiter.ts`'],
  ['Redis bytes an ended record', '', '<= 250', '`node bench/packing.ts`'],
];

export function tellAims(findings: Findings): string {
  const lines = aimsOf(findings).map((aim) => {
    const reached = isReached(aim);
    const figure =
      aim.figure === undefined
        ? ''
        : `${aim.figure.toLocaleString('en', { minimumFractionDigits: aim.digits, maximumFractionDigits: aim.digits })}${aim.unit ?? ''}`;
    return [aim.work, figure, boundText(aim), reached === undefined ? 'not measured' : reached ? 'reached' : '**missed**'];
  });
  return table(['work', 'figure', 'aim', ''], [...lines, ...apart]);
}
