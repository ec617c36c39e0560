/** What happened in a schedule, in words, so that a failure can be read. */

export interface Story {
  tell(who: string, what: string): void;
  readonly lines: () => readonly string[];
}

/** @param elapsed milliseconds since the beginning */
export function createStory(elapsed: () => number): Story {
  const lines: string[] = [];
  return {
    tell: (who, what) => void lines.push(`${(elapsed() / 1000).toFixed(3).padStart(12)} s  ${who.padEnd(10)} ${what}`),
    lines: () => lines,
  };
}
