/**
 * Progress of a file that is being read: a line redrawn in place on a terminal, a plain line every few seconds elsewhere. All
 * of it goes to stderr; stdout is for data.
 */
import { formatDuration } from '../duration.ts';
import { grouped, printable } from './format.ts';
import { canRedraw } from './progress.ts';
import { clip } from './width.ts';

/**
 * @property task what the reading is for, as the beginning of a line
 * @property rows read so far
 * @property bytes of the file read so far
 * @property fileBytes null where a file does not say how long it is: a pipe
 */
export interface ReadingProgress {
  readonly task: string;
  readonly rows: number;
  readonly bytes: number;
  readonly fileBytes: number | null;
}

interface Output {
  readonly isTTY?: boolean;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

interface ReadingDisplay {
  show(progress: ReadingProgress): void;
  /** Takes a line that moves off the screen, and ends plain lines with what was read. */
  end(): void;
}

const redrawEveryMs = 200;
/** A reading that takes longer is reported where nothing can be redrawn. */
const firstLineAfterMs = 1_000;
const nextLineAfterMs = 5_000;
/** Before that a rate says nothing. */
const rateAfterMs = 500;

/**
 * @param file as it may be shown
 * @param now of a clock that is never set
 */
export function createReadingDisplay(
  { output, env, now }: { readonly output: Output; readonly env: Readonly<Record<string, string | undefined>>; readonly now: () => number },
  file: string,
): ReadingDisplay {
  const name = printable(file);
  const redraws = canRedraw(output, env);
  const startedAt = now();
  let dueAt = redraws ? startedAt : startedAt + firstLineAfterMs;
  let task = { name: '', startedAt };
  let last: ReadingProgress | undefined;
  let hasWritten = false;

  const write = (line: string): void => {
    hasWritten = true;
    // One column less than there are: a full line would make some terminals begin the next.
    output.write(redraws ? `\r\u001b[K${clip(line, (output.columns ?? 80) - 1)}` : `${line}\n`);
  };
  return {
    show(progress) {
      const at = now();
      if (progress.task !== task.name) task = { name: progress.task, startedAt: last === undefined ? startedAt : at };
      last = progress;
      if (at < dueAt) return;
      dueAt = at + (redraws ? redrawEveryMs : nextLineAfterMs);
      write(`${progress.task} ${name}: ${figures(progress, at - task.startedAt)}`);
    },
    end() {
      if (!hasWritten || last === undefined) return;
      if (redraws) output.write('\r\u001b[K');
      else output.write(`read ${name}: ${grouped(last.rows)} rows in ${formatDuration(now() - startedAt)}\n`);
    },
  };
}

function figures({ rows, bytes, fileBytes }: ReadingProgress, elapsedMs: number): string {
  const shown = [`${grouped(rows)} rows`];
  const share = fileBytes === null || fileBytes === 0 ? null : Math.min(1, bytes / fileBytes);
  if (share !== null) shown.push(`${Math.floor(share * 100)}%`);
  if (elapsedMs >= rateAfterMs) {
    shown.push(`${grouped(Math.round((rows / elapsedMs) * 1000))} rows/s`);
    if (share !== null && share > 0 && share < 1) shown.push(`${formatDuration((elapsedMs / share) * (1 - share))} left`);
  }
  return shown.join(', ');
}
