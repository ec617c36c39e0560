import { describe, expect, it } from 'vitest';
import { createReadingDisplay, type ReadingProgress } from '../../../src/terminal/reading-progress.ts';
import { widthOf } from '../../../src/terminal/width.ts';

type Step = { readonly at: number } & Partial<ReadingProgress>;

function shown(output: { isTTY?: boolean; columns?: number }, steps: readonly Step[], file = 'may.csv'): string {
  let text = '';
  let at = 0;
  const display = createReadingDisplay({ output: { ...output, write: (part) => (text += part) }, env: {}, now: () => at }, file);
  for (const step of steps) {
    ({ at } = step);
    display.show({ task: 'checking', rows: step.at * 100, bytes: step.at, fileBytes: 10_000, ...step });
  }
  display.end();
  return text;
}

const every = (ms: number, untilMs: number): Step[] => Array.from({ length: untilMs / ms }, (_, index) => ({ at: (index + 1) * ms }));

describe('progress of a reading in a pipe', () => {
  it('is silent for a file that is read within a second', () => {
    expect(shown({}, every(100, 900))).toBe('');
  });

  it('is a line after one second and then one each 5 seconds, with rate and time left, and says at the end what was read', () => {
    expect(shown({}, every(100, 10_000)).split('\n')).toEqual([
      'checking may.csv: 100,000 rows, 10%, 100,000 rows/s, 9s left',
      'checking may.csv: 600,000 rows, 60%, 100,000 rows/s, 4s left',
      'read may.csv: 1,000,000 rows in 10s',
      '',
    ]);
  });

  it('has no share and no time left when the length of the file is not known', () => {
    expect(shown({}, [{ at: 1_000, fileBytes: null }])).toBe(
      'checking may.csv: 100,000 rows, 100,000 rows/s\nread may.csv: 100,000 rows in 1s\n',
    );
  });

  it('counts the rate of a second reading from its own beginning', () => {
    const steps = [
      { at: 1_000 },
      { at: 8_000, task: 'comparing rows of', bytes: 0, rows: 0 },
      { at: 13_000, task: 'comparing rows of', bytes: 5_000, rows: 50_000 },
    ];
    expect(shown({}, steps).split('\n').slice(1, 3)).toEqual([
      'comparing rows of may.csv: 0 rows, 0%',
      'comparing rows of may.csv: 50,000 rows, 50%, 10,000 rows/s, 5s left',
    ]);
  });

  it('shows control characters of the file name escaped', () => {
    expect(shown({}, [{ at: 2_000 }], 'a\u001b[2Jb.csv')).toContain('a\\u001b[2Jb.csv');
  });
});

describe('progress of a reading on a terminal', () => {
  it('is one line from the first block on, redrawn in place five times a second and taken away at the end', () => {
    const text = shown({ isTTY: true, columns: 100 }, every(100, 1_000));
    expect(text.split('\r\u001b[K')).toEqual([
      '',
      'checking may.csv: 10,000 rows, 1%',
      'checking may.csv: 30,000 rows, 3%',
      'checking may.csv: 50,000 rows, 5%, 100,000 rows/s, 10s left',
      'checking may.csv: 70,000 rows, 7%, 100,000 rows/s, 9s left',
      'checking may.csv: 90,000 rows, 9%, 100,000 rows/s, 9s left',
      '',
    ]);
    expect(text).not.toContain('\n');
  });

  it('never takes more than one line of the terminal', () => {
    const [, line = ''] = shown({ isTTY: true, columns: 30 }, [{ at: 600 }], '五月の支払い一覧表.csv').split('\r\u001b[K');
    expect(widthOf(line)).toBeLessThan(30);
    expect(line).toContain('…');
  });
});
