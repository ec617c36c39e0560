/**
 * Progress of a file that is being paid: a block redrawn in place on a terminal, a plain line every few seconds elsewhere.
 * All of it goes to stderr; stdout is for data.
 */
import { statuses } from '../../batches/record/status.ts';
import { createFigures, type Progress } from './figures.ts';
import { grouped, paintFor, printable } from './format.ts';
import { createProgressBlock, type BlockOutput } from './progress-block.ts';

export type { Progress } from './figures.ts';

export interface Display {
  show(progress: Progress): void;
  /** Prints a log line above the block, which moves down. */
  print(text: string): void;
  /** Ends, and leaves the last state on the screen. */
  close(): void;
}

interface Output extends BlockOutput {
  readonly isTTY?: boolean;
}

type Env = Readonly<Record<string, string | undefined>>;

/** Whether lines can be redrawn: on a terminal that moves its cursor, and not in the log of a build. */
export const canRedraw = ({ isTTY }: { readonly isTTY?: boolean }, env: Env): boolean =>
  isTTY === true && env['TERM'] !== 'dumb' && (env['CI'] ?? '') === '';

const plainEveryMs = 5_000;

export const createProgressDisplay = (output: Output, env: Env): Display =>
  canRedraw(output, env) ? createProgressBlock(output, paintFor(output, env)) : createPlainDisplay(output);

function createPlainDisplay(output: Output): Display {
  const figuresOf = createFigures();
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
      const { counts, done, perSecond, left } = figuresOf(progress);
      const shown = statuses.filter((status) => counts[status].count > 0).map((status) => `${status} ${grouped(counts[status].count)}`);
      const rate = `${perSecond.toFixed(0)}/s${left === null ? '' : `, ${left} left`}`;
      const rows = `${grouped(done)} of ${grouped(progress.rows)} rows`;
      const note = progress.note === null ? '' : `; ${progress.note}`;
      pending = `${printable(progress.file)}: ${rows}, ${rate}; ${shown.join(', ') || 'nothing yet'}${note}`;
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
