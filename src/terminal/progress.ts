/**
 * Progress of a file that is being paid: a block redrawn in place on a terminal, a plain line every few seconds in a pipe.
 * All of it goes to stderr; stdout is for data.
 */
import { byStatus, receivedOf, type TallyRow } from '../../batches/record/tally.ts';
import { isFinal, statuses } from '../../batches/record/status.ts';
import { formatDuration } from '../duration.ts';
import { grouped, paintFor, printable, type Paint } from './format.ts';

export interface Progress {
  readonly file: string;
  /** Rows of the file, from the preflight. */
  readonly rows: number;
  readonly tallies: readonly TallyRow[];
  /** First sends so far, in this batch. */
  readonly sent: number;
  /** A pause or a stop, as text; null in ordinary operation. */
  readonly note: string | null;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

export interface Display {
  show(progress: Progress): void;
  /** Prints a log line above the block, which moves down. */
  print(text: string): void;
  /** Ends, and leaves the last state on the screen. */
  close(): void;
}

interface Output {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): boolean;
}

const barWidth = 28;
const plainEveryMs = 5_000;

export function createProgressDisplay(output: Output, env: Readonly<Record<string, string | undefined>>): Display {
  return output.isTTY === true && env['TERM'] !== 'dumb' ? movingDisplay(output, paintFor(output, env)) : plainDisplay(output);
}

/** A row counts as done when its status is final or the gateway has it. */
function figures(progress: Progress, speed: Speedometer) {
  const counts = byStatus(progress.tallies);
  const received = receivedOf(progress.tallies).count;
  const waiting = counts.queued.count + counts.submitting.count + Math.max(0, progress.rows - received);
  const final = statuses.filter((status) => isFinal[status]).reduce((sum, status) => sum + counts[status].count, 0);
  const perSecond = speed(progress.at, progress.sent);
  const left = perSecond > 0 && waiting > 0 ? formatDuration((waiting / perSecond) * 1000) : null;
  return { counts, waiting, final, done: progress.rows - waiting, perSecond, left };
}

type Speedometer = (at: number, sent: number) => number;

/** Sends per second over the last ten seconds. */
function speedometer(): Speedometer {
  const samples: { readonly at: number; readonly sent: number }[] = [];
  return (at, sent) => {
    samples.push({ at, sent });
    while (samples.length > 2 && (samples[0]?.at ?? at) < at - 10_000) samples.shift();
    const first = samples[0];
    return first === undefined || at === first.at ? 0 : ((sent - first.sent) / (at - first.at)) * 1000;
  };
}

function movingDisplay(output: Output, paint: Paint): Display {
  const speed = speedometer();
  let lines = 0;
  let shown: readonly string[] = [];
  const draw = (text: readonly string[]): void => {
    const width = Math.max(20, (output.columns ?? 80) - 1);
    const erase = lines === 0 ? '' : `\u001b[${lines}A\u001b[0J`;
    output.write(`${erase}${text.map((line) => clip(line, width)).join('\n')}\n`);
    lines = text.length;
    shown = text;
  };
  return {
    show(progress) {
      const { counts, done, final, perSecond, left } = figures(progress, speed);
      const share = progress.rows === 0 ? 1 : done / progress.rows;
      const filled = Math.floor(share * barWidth);
      const bar = paint('cyan', '█'.repeat(filled)) + paint('dim', '░'.repeat(barWidth - filled));
      const shown = statuses.filter((status) => counts[status].count > 0);
      const colour = { succeeded: 'green', failed: 'red', rejected: 'red', conflict: 'red', unknown: 'yellow' } as const;
      draw([
        `${paint('bold', printable(progress.file))}  ${bar} ${Math.floor(share * 100)}%`,
        `  ${grouped(done)} of ${grouped(progress.rows)} rows sent or settled, ${grouped(final)} final, ${perSecond.toFixed(0)}/s${left === null ? '' : `, ${left} left`}`,
        `  ${shown.map((status) => `${status} ${paint(status in colour ? colour[status as keyof typeof colour] : 'dim', grouped(counts[status].count))}`).join('  ') || 'nothing yet'}`,
        `  ${moneyLine(counts.succeeded.amounts) || 'nothing paid yet'}`,
        ...(progress.note === null ? [] : [`  ${paint('yellow', progress.note)}`]),
      ]);
    },
    print(text) {
      if (lines > 0) output.write(`\u001b[${lines}A\u001b[0J`);
      output.write(text);
      lines = 0;
      if (shown.length > 0) draw(shown);
    },
    close: () => undefined,
  };
}

const moneyLine = (amounts: Readonly<Record<string, string>>): string =>
  Object.entries(amounts)
    .map(([currency, amount]) => `${currency} ${grouped(amount)}`)
    .join('  ');

/** Cuts a line to the visible width, which escape sequences do not count towards. */
function clip(line: string, width: number): string {
  let visible = 0;
  let out = '';
  for (const part of line.split(/(\u001b\[[0-9;]*m)/)) {
    if (part.startsWith('\u001b[')) {
      out += part;
      continue;
    }
    const room = width - visible;
    out += part.length <= room ? part : part.slice(0, Math.max(0, room));
    visible += Math.min(part.length, room);
  }
  return out;
}

function plainDisplay(output: Output): Display {
  const speed = speedometer();
  let shownAt = Number.NEGATIVE_INFINITY;
  let last: string | undefined;
  let pending: string | undefined;
  const print = (line: string): void => {
    if (line === last) return;
    output.write(`${line}\n`);
    last = line;
  };
  return {
    show(progress) {
      const { counts, done, perSecond, left } = figures(progress, speed);
      const shown = statuses.filter((status) => counts[status].count > 0).map((status) => `${status} ${counts[status].count}`);
      pending = `${printable(progress.file)}: ${done} of ${progress.rows} rows, ${perSecond.toFixed(0)}/s${left === null ? '' : `, ${left} left`}; ${shown.join(', ') || 'nothing yet'}${progress.note === null ? '' : `; ${progress.note}`}`;
      if (progress.at - shownAt < plainEveryMs) return;
      shownAt = progress.at;
      print(pending);
    },
    print: (text) => void output.write(text),
    close() {
      if (pending !== undefined) print(pending);
    },
  };
}
