/** The command line of `npm run bench`. */
import { parseArgs } from 'node:util';
import { usualTries } from './disturbance.ts';

export const sections = ['throughput', 'day', 'million', 'validate', 'follow', 'crash', 'topic', 'scaling', 'steady'] as const;
export type Section = (typeof sections)[number];

export interface SteadyOptions {
  /** Events a second. */
  readonly rate: number;
  readonly seconds: number;
  /** The run is made with one instance, and again with so many when they are more. */
  readonly instances: number;
  /** Of Kafka; with three, an event and a result are acknowledged by two of them at least. */
  readonly brokers: 1 | 3;
  /** Of each run of the search for the rate that is kept. */
  readonly searchSeconds: number;
}

export interface Options {
  readonly rows: readonly number[];
  readonly rounds: number;
  /** How often a run is measured, at most, while other programs disturb it. */
  readonly tries: number;
  readonly only: ReadonlySet<Section>;
  /** Whether a contender of this name takes part. */
  readonly takesPart: (name: string) => boolean;
  /** Rows of the file for `validate`, and for the one long `run`. */
  readonly largeRows: number;
  /** `run` over the large file takes minutes. */
  readonly millionRun: boolean;
  readonly crashRows: number;
  readonly dayRows: number;
  /** How long `scaling` measures each number of instances. */
  readonly scalingSeconds: number;
  readonly followRows: number;
  /** Events of `topic`. */
  readonly records: number;
  readonly steady: SteadyOptions;
  /** The command line to measure, as built. */
  readonly cli: string;
}

export const usage = `npm run bench -- [options]
  --rows 20000,100000   sizes of the files that are paid
  --rounds 3            rounds of every comparison
  --only LIST           of ${sections.join(', ')}
  --contenders LIST     those only whose name begins like one of these, such as disburse,DBOS
  --no-million-run      leaves out paying the large file, which takes minutes
  --large 1000000       rows of the large file
  --records 20000       events of \`topic\`
  --rate 1000           events a second of \`steady\`
  --seconds 600         how long \`steady\` produces
  --instances 1         \`steady\` with one instance, and again with so many when they are more
  --brokers 1           Kafka brokers of \`steady\`, 1 or 3
  --quick               small files, one round, no large run, no repetition: does everything work?
  --cli FILE            the built command line, dist/src/cli.js by default`;

const whole = (text: string): number => {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1) throw new Error(`expected a whole number above 0, not ${text}\n${usage}`);
  return value;
};

const brokersOf = (text: string): 1 | 3 => {
  if (text !== '1' && text !== '3') throw new Error(`expected 1 or 3 brokers, not ${text}\n${usage}`);
  return text === '1' ? 1 : 3;
};

const sectionOf = (text: string): Section => {
  const found = sections.find((known) => known === text);
  if (found === undefined) throw new Error(`${text} is no section\n${usage}`);
  return found;
};

/** @returns null when only help was asked for */
export function readOptions(argv: readonly string[]): Options | null {
  const { values } = parseArgs({
    args: [...argv],
    allowNegative: true,
    options: {
      rows: { type: 'string' },
      rounds: { type: 'string' },
      only: { type: 'string' },
      contenders: { type: 'string' },
      large: { type: 'string' },
      records: { type: 'string' },
      rate: { type: 'string' },
      seconds: { type: 'string' },
      instances: { type: 'string', default: '1' },
      brokers: { type: 'string', default: '1' },
      'million-run': { type: 'boolean' },
      quick: { type: 'boolean' },
      cli: { type: 'string', default: 'dist/src/cli.js' },
      help: { type: 'boolean' },
    },
  });
  if (values.help === true) return null;
  const quick = values.quick === true;
  const contenders = values.contenders?.split(',');
  return {
    rows: (values.rows ?? (quick ? '2000' : '20000,100000')).split(',').map(whole),
    rounds: whole(values.rounds ?? (quick ? '1' : '3')),
    tries: quick ? 1 : usualTries,
    only: new Set(values.only === undefined ? sections : values.only.split(',').map(sectionOf)),
    takesPart: (name) => contenders === undefined || contenders.some((one) => name.startsWith(one)),
    largeRows: whole(values.large ?? (quick ? '100000' : '1000000')),
    millionRun: values['million-run'] ?? !quick,
    crashRows: quick ? 1000 : 20_000,
    dayRows: quick ? 500 : 10_000,
    scalingSeconds: quick ? 5 : 20,
    followRows: quick ? 2000 : 20_000,
    records: whole(values.records ?? (quick ? '2000' : '20000')),
    steady: {
      rate: whole(values.rate ?? (quick ? '200' : '1000')),
      seconds: whole(values.seconds ?? (quick ? '20' : '600')),
      instances: whole(values.instances),
      brokers: brokersOf(values.brokers),
      searchSeconds: quick ? 5 : 30,
    },
    cli: values.cli,
  };
}
