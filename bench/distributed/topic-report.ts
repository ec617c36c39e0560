/** The measured passages from topic to topic as a table, and the rates against each other. */
import { median, spread, table } from '../numbers.ts';
import { passers, type Passage, type Passer } from './topic.ts';

const rateOf = ({ records, wallSeconds }: Passage): number => records / wallSeconds;
const sendingRateOf = ({ records, sendingSeconds }: Passage): number => records / sendingSeconds;
const cpuPerRecordOf = ({ records, cpuSeconds }: Passage): number => (cpuSeconds / records) * 1e6;

const columns: readonly {
  readonly name: string;
  readonly digits: number;
  readonly of: (passage: Passage) => readonly (number | undefined)[];
}[] = [
  { name: 'records/s', digits: 0, of: (passage) => [rateOf(passage)] },
  { name: 'records/s while sending', digits: 0, of: (passage) => [sendingRateOf(passage)] },
  { name: 'wall s', digits: 2, of: ({ wallSeconds }) => [wallSeconds] },
  { name: 'CPU µs/record', digits: 0, of: (passage) => [cpuPerRecordOf(passage)] },
  { name: 'Kafka CPU s', digits: 2, of: ({ kafkaCpuSeconds }) => [kafkaCpuSeconds] },
  { name: 'Redis CPU s', digits: 2, of: ({ redisCpuSeconds }) => [redisCpuSeconds] },
  { name: 'stub CPU s', digits: 2, of: ({ stubCpuSeconds }) => [stubCpuSeconds] },
  { name: 'others %', digits: 0, of: (passage) => [passage.othersShare * 100] },
  { name: 'smallest share %', digits: 0, of: ({ shares }) => (shares.length < 2 ? [] : [Math.min(...shares) * 100]) },
  { name: 'peak MiB each', digits: 0, of: ({ peakMib }) => peakMib },
];

const pairs: readonly (readonly [Passer, Passer])[] = [
  ['serve, 2 instances', 'serve, 1 instance'],
  ['serve, 1 instance', 'disburse run'],
  ['serve, 1 instance', 'BullMQ'],
  ['serve, 2 instances', 'BullMQ'],
];

const legend = [
  'records/s: from starting it until the last final result is on its topic; for run and BullMQ until the process has ended. While sending:',
  'between the first and the last call that the stub saw. CPU: user and system of all processes of the contender, all threads. Others: the',
  'share of the machine that no process named here used. Smallest share: of the records, what the instance paid that paid least. The events are on the topic before, while BullMQ adds its jobs in its own time.',
].join(' ');

export function tellTopic(passages: readonly Passage[]): string {
  const of = (passer: Passer): readonly Passage[] => passages.filter((passage) => passage.passer === passer);
  const lines = passers.map((passer) => [
    passer,
    ...columns.map((column) => {
      const values = of(passer).flatMap((passage) => column.of(passage).filter((value) => value !== undefined));
      return values.length === 0 ? '' : spread(values, column.digits);
    }),
  ]);
  const ratios = pairs.map(([one, other]) => `- ${one} / ${other}: ${tellRatios(of(one), of(other))}`);
  return [table(['', ...columns.map(({ name }) => name)], lines), '', 'In the same round:', '', ...ratios, '', legend].join('\n');
}

function tellRatios(ones: readonly Passage[], others: readonly Passage[]): string {
  const ratio = (value: (passage: Passage) => number): readonly number[] =>
    ones.flatMap((one) => others.filter(({ round }) => round === one.round).map((other) => value(one) / value(other)));
  const rates = ratio(rateOf);
  const each = rates.map((value) => value.toFixed(2)).join(', ');
  const [sending, cpu] = [median(ratio(sendingRateOf)).toFixed(2), median(ratio(cpuPerRecordOf)).toFixed(2)];
  return `records/s ${each}, median ${median(rates).toFixed(2)}; while sending, median ${sending}; CPU a record, median ${cpu}`;
}
