/** Draws the progress of a batch while it is being paid. */
import { createProgressDisplay, type Progress } from './progress.ts';

/** Where lines of the log go: while the display moves, above it. */
export interface Log {
  print: (text: string) => void;
}

const everyMs = 200;

/** @param look what to show now; a look that fails is skipped, since a display must not end a run */
export function startLiveProgress(log: Log, look: () => Promise<Progress>): { end(): Promise<void> } {
  const display = createProgressDisplay(process.stderr, process.env);
  const direct = log.print;
  log.print = display.print;
  let drawing: Promise<void> | undefined;
  const draw = (): void => {
    drawing ??= look()
      .then(display.show)
      .catch(() => undefined)
      .finally(() => (drawing = undefined));
  };
  const timer = setInterval(draw, everyMs);
  return {
    async end() {
      clearInterval(timer);
      await drawing;
      draw();
      await drawing;
      display.close();
      log.print = direct;
    },
  };
}
