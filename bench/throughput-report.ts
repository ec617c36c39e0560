/** The measured payments as tables, and the rates against each other. */
import type { Shape } from './make-file.ts';
import { median, spread, table } from './numbers.ts';
import { mostRowsOfDbos, othersOf, rateOf, type Contender, type Payment } from './throughput.ts';

const order: readonly Contender[] = ['disburse run', 'bare loop', 'BullMQ', 'pg-boss', 'DBOS'];

const sendingRateOf = ({ rows, sendingSeconds }: Payment): number => rows / sendingSeconds;
const cpuPerRowOf = ({ rows, measured }: Payment): number => (measured.cpuSeconds / rows) * 1e6;

const columns: readonly { readonly name: string; readonly digits: number; readonly of: (payment: Payment) => number | undefined }[] = [
  { name: 'rows/s', digits: 0, of: rateOf },
  { name: 'rows/s while sending', digits: 0, of: sendingRateOf },
  { name: 'wall s', digits: 2, of: ({ measured }) => measured.wallSeconds },
  { name: 'CPU µs/row', digits: 0, of: cpuPerRowOf },
  { name: 'server CPU s', digits: 2, of: ({ serverCpuSeconds }) => serverCpuSeconds },
  { name: 'stub CPU s', digits: 2, of: ({ stubCpuSeconds }) => stubCpuSeconds },
  { name: 'others %', digits: 0, of: (payment) => othersOf(payment) * 100 },
  { name: 'peak MiB', digits: 0, of: ({ measured }) => measured.peakMib },
];

const shapeTexts: Readonly<Record<Shape, string>> = {
  plain: '',
  quoted: ', with a quoted cell in each',
  'multi-line': ', with a quoted cell in each and cells of several lines',
};

export function tellThroughput(payments: readonly Payment[]): string {
  const files = Map.groupBy(payments, ({ rows, shape }) => `${rows.toLocaleString('en')} rows${shapeTexts[shape]}`);
  const tables = [...files].map(([heading, ofFile]) => tellFile(heading, ofFile));
  return `${tables.join('\n\n')}\n\n${legend}`;
}

const legend = [
  'rows/s: from starting the command to its end. While sending: between the first and the last call that the stub saw.',
  "CPU: the contender's own, user and system, all threads. Server: Redis or Postgres. Others: the share of the machine that neither contender nor stub nor server used,",
  'which is the kernel writing to disk and whatever else runs.',
  `DBOS pays files of up to ${mostRowsOfDbos.toLocaleString('en')} rows only.`,
].join(' ');

function tellFile(heading: string, payments: readonly Payment[]): string {
  const of = (contender: Contender): readonly Payment[] => payments.filter((payment) => payment.contender === contender);
  const contenders = order.filter((contender) => of(contender).length > 0);
  const lines = contenders.map((contender) => [
    contender,
    ...columns.map((column) => {
      const values = of(contender).flatMap((payment) => column.of(payment) ?? []);
      return values.length === 0 ? '' : spread(values, column.digits);
    }),
  ]);
  const ratios = contenders
    .filter((contender) => contender !== 'disburse run')
    .map((contender) => `- disburse run / ${contender}: ${tellRatios(of('disburse run'), of(contender))}`);
  return [`### ${heading}`, '', table(['', ...columns.map(({ name }) => name)], lines), '', 'In the same round:', '', ...ratios].join('\n');
}

function tellRatios(ones: readonly Payment[], others: readonly Payment[]): string {
  const ratio = (value: (payment: Payment) => number): readonly number[] =>
    ones.flatMap((one) => others.filter(({ round }) => round === one.round).map((other) => value(one) / value(other)));
  const rates = ratio(rateOf);
  const each = rates.map((value) => value.toFixed(2)).join(', ');
  const sending = median(ratio(sendingRateOf)).toFixed(2);
  const cpu = median(ratio(cpuPerRowOf)).toFixed(2);
  return `rows/s ${each}, median ${median(rates).toFixed(2)}; while sending, median ${sending}; CPU a row, median ${cpu}`;
}
