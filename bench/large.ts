/** A file of a million rows: what `run` holds in memory, and how fast `validate` is beside csv-parse alone. */
import { csvParseOnly, validate, type Bench } from './contenders.ts';
import { othersShare, type Disturbances } from './disturbance.ts';
import { shapes, type Shape } from './make-file.ts';
import { run, type Measured } from './measure.ts';
import { median, rotated, spread, table } from './numbers.ts';
import { createSenders, pay, rateOf, type Payment } from './throughput.ts';
import { startStub } from './stub-client.ts';

/** Paying the large file once. */
export async function payLarge(bench: Bench, rows: number): Promise<Payment> {
  const stub = await startStub('succeed');
  try {
    return await pay(bench, stub, createSenders(bench, stub, { redis: undefined, postgres: undefined }), {
      contender: 'disburse run',
      rows,
      round: 1,
    });
  } finally {
    await stub.stop();
  }
}

export function tellLarge(large: Payment, others: readonly Payment[]): string {
  const ours = others.filter(({ contender, shape }) => contender === 'disburse run' && shape === 'plain');
  const sizes = [...new Set(ours.map(({ rows }) => rows))];
  const small = sizes.map((rows) => {
    const runs = ours.filter((payment) => payment.rows === rows);
    return [rows.toLocaleString('en'), spread(runs.map(rateOf)), spread(runs.map(({ measured }) => measured.peakMib))];
  });
  const last = [large.rows.toLocaleString('en'), spread([rateOf(large)]), spread([large.measured.peakMib])];
  return table(['rows', 'rows/s', 'peak MiB'], [...small, last]);
}

export interface Check {
  readonly contender: 'disburse validate' | 'csv-parse alone';
  readonly shape: Shape;
  readonly round: number;
  readonly measured: Measured;
}

const checkers = ['disburse validate', 'csv-parse alone'] as const;

export async function measureValidate(
  bench: Bench,
  params: { readonly rows: number; readonly rounds: number; readonly disturbances: Disturbances; readonly say: (line: string) => void },
): Promise<readonly Check[]> {
  const checks: Check[] = [];
  const runs = shapes.flatMap((shape) => Array.from({ length: params.rounds }, (_, index) => ({ shape, round: index + 1 })));
  for (const { shape, round } of runs) {
    const file = await bench.place.file(params.rows, shape);
    for (const contender of rotated(checkers, round - 1)) {
      const command = contender === 'disburse validate' ? validate(bench, file) : csvParseOnly(bench, file);
      const measured = await params.disturbances.avoid(
        () => run(command),
        (result) => othersShare(result, 0),
      );
      const counted =
        contender === 'disburse validate' ? (JSON.parse(measured.stdout) as { readonly valid: number }).valid : Number(measured.stdout);
      if (counted !== params.rows) throw new Error(`${contender}: ${counted} rows of ${params.rows}`);
      checks.push({ contender, shape, round, measured });
      params.say(
        `${shape}, ${contender}, round ${round}: ${Math.round(params.rows / measured.wallSeconds)} rows/s, ${measured.peakMib.toFixed(0)} MiB`,
      );
    }
  }
  return checks;
}

const shapeTitles: { readonly [S in Shape]: string } = {
  plain: 'Without quotes',
  quoted: 'One quoted cell in each row',
  'multi-line': 'One quoted cell in each row, and one of three lines with doubled quotes in every tenth',
};

export const tellValidate = (checks: readonly Check[], rows: number): string =>
  shapes
    .map((shape) =>
      tellShape(
        checks.filter((check) => check.shape === shape),
        shapeTitles[shape],
        rows,
      ),
    )
    .join('\n\n');

function tellShape(checks: readonly Check[], title: string, rows: number): string {
  const of = (contender: Check['contender']): readonly Measured[] =>
    checks.filter((check) => check.contender === contender).map(({ measured }) => measured);
  const lines = checkers.map((contender) => {
    const runs = of(contender);
    return [
      contender,
      spread(runs.map(({ wallSeconds }) => rows / wallSeconds)),
      spread(
        runs.map(({ wallSeconds }) => wallSeconds),
        2,
      ),
      spread(
        runs.map(({ cpuSeconds }) => cpuSeconds),
        2,
      ),
      spread(runs.map(({ peakMib }) => peakMib)),
    ];
  });
  const others = of('csv-parse alone');
  const ratios = of('disburse validate').map(({ wallSeconds }, index) => (others[index]?.wallSeconds ?? Number.NaN) / wallSeconds);
  const ratioText = `Rate in the same round, validate / csv-parse: ${ratios.map((value) => value.toFixed(2)).join(', ')}, median ${median(ratios).toFixed(2)}`;
  return `${title}:\n\n${table(['', 'rows/s', 'wall s', 'CPU s', 'peak MiB'], lines)}\n\n${ratioText}`;
}
