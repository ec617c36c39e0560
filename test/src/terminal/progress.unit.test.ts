import { describe, expect, it } from 'vitest';
import { statuses } from '../../../batches/record/status.ts';
import type { TallyRow } from '../../../batches/record/tally.ts';
import { createProgressDisplay, type Progress } from '../../../src/terminal/progress.ts';
import { widthOf } from '../../../src/terminal/width.ts';

const tally = (status: TallyRow['status'], count: number, amountMinor = 0n): TallyRow => ({ status, currency: 'EUR', count, amountMinor });
const progress = (patch: Partial<Progress> = {}): Progress => ({
  file: 'may.csv',
  rows: 10,
  tallies: [tally('received', 4, 400n), tally('succeeded', 2, 123_456_700n), tally('queued', 2)],
  sent: 2,
  note: null,
  at: 0,
  ...patch,
});

function shown(output: { isTTY?: boolean; columns?: number }, env: Record<string, string>, steps: readonly Progress[]): string {
  let text = '';
  const display = createProgressDisplay({ ...output, write: (part) => ((text += part), true) }, env);
  for (const step of steps) display.show(step);
  display.close();
  return text;
}

describe('progress in a pipe', () => {
  it('is a plain line every 5 seconds, and the last state at the end', () => {
    const steps = [
      progress(),
      progress({ at: 1000, sent: 12 }),
      progress({ at: 2000, sent: 22 }),
      progress({ at: 6000, sent: 62 }),
      progress({ at: 7000, sent: 72, tallies: [tally('received', 10), tally('succeeded', 10)] }),
    ];
    const lines = shown({}, {}, steps).trimEnd().split('\n');
    expect(lines).toHaveLength(3);
    expect(lines[0]).toBe('may.csv: 2 of 10 rows, 0/s; queued 2, succeeded 2');
    expect(lines[1]).toBe('may.csv: 2 of 10 rows, 10/s, 1s left; queued 2, succeeded 2');
    expect(lines[2]).toContain('10 of 10 rows');
    expect(lines.join('')).not.toContain('\u001b');
  });

  it('repeats no line, and shows the note', () => {
    expect(shown({}, {}, [progress(), progress()]).trimEnd().split('\n')).toHaveLength(1);
    expect(shown({}, {}, [progress({ note: 'the gateway cannot be reached' })])).toContain('; the gateway cannot be reached');
    expect(shown({ isTTY: true }, { TERM: 'dumb' }, [progress()])).not.toContain('\u001b');
  });

  it('shows file names with their control characters escaped', () => {
    expect(shown({}, {}, [progress({ file: 'a\u001b[2Jb.csv' })])).toContain('a\\u001b[2Jb.csv');
  });
});

describe('progress on a terminal', () => {
  it('is a block that is redrawn in place, within the width of the terminal', () => {
    const text = shown({ isTTY: true, columns: 50 }, { NO_COLOR: '1' }, [progress(), progress({ at: 500, note: 'stopping: why' })]);
    // Column 1 first: what was typed meanwhile is on the line of the cursor.
    const [, lines = ''] = /\r\u001b\[(\d)A\u001b\[0J/.exec(text) ?? [];
    expect(text.slice(0, text.indexOf('\r')).split('\n')).toHaveLength(Number(lines) + 1);
    expect(text).toContain('20%');
    expect(text).toContain('paid EUR 1,234,567.00 of 4.00');
    expect(text).toContain('stopping: why');
    for (const line of text.replace(/\u001b\[[0-9;]*[A-Z]/gi, '').split('\n')) expect(line.length).toBeLessThan(50);
  });

  it('fills the bar by what is final, and shades what was sent', () => {
    const none = shown({ isTTY: true, columns: 80 }, { NO_COLOR: '1' }, [
      progress({ tallies: [tally('received', 10), tally('in_progress', 10)], sent: 10 }),
    ]);
    expect(none).toMatch(/may\.csv {2}▒{28} 0%/);
    expect(none).toContain('10 of 10 rows sent or final, 0 final');
    const half = shown({ isTTY: true, columns: 80 }, { NO_COLOR: '1' }, [
      progress({ tallies: [tally('received', 10), tally('in_progress', 5), tally('succeeded', 5)], sent: 10 }),
    ]);
    expect(half).toMatch(/█{14}▒{14} 50%/);
  });

  it.each([20, 30, 42, 80])('shows every status and the percentage at %i columns', (columns) => {
    const every = statuses.map((status) => tally(status, 12_345));
    const text = shown({ isTTY: true, columns }, { NO_COLOR: '1' }, [
      progress({ file: '五月の支払い一覧表.csv', rows: 123_450, tallies: [tally('received', 123_450), ...every] }),
    ]);
    for (const status of statuses) expect(text).toContain(`${status} 12,345`);
    expect(text).toMatch(/\d+%/);
    for (const line of text.split('\n')) expect(widthOf(line)).toBeLessThan(columns);
    expect(text.indexOf('unknown')).toBeLessThan(text.indexOf('succeeded'));
  });

  it('never shows a rate below zero', () => {
    const text = shown({ isTTY: true, columns: 80 }, { NO_COLOR: '1' }, [progress({ sent: 20 }), progress({ at: 1000, sent: 10 })]);
    expect(text).not.toMatch(/-\d/);
  });

  it.each([{ CI: 'true' }, { TERM: 'dumb' }])('is plain lines with %j', (env) => {
    expect(shown({ isTTY: true }, env, [progress()])).toBe('may.csv: 2 of 10 rows, 0/s; queued 2, succeeded 2\n');
  });

  it('has colours unless NO_COLOR is set', () => {
    expect(shown({ isTTY: true }, {}, [progress()])).toContain('\u001b[32m');
    expect(shown({ isTTY: true }, { NO_COLOR: '1' }, [progress()])).not.toContain('\u001b[32m');
  });

  it('of an empty file shows 100 percent', () => {
    expect(shown({ isTTY: true }, { NO_COLOR: '1' }, [progress({ rows: 0, tallies: [], sent: 0 })])).toContain('100%');
  });
});

it('a log line on a terminal is printed above the progress block, which is redrawn below it', () => {
  let text = '';
  const display = createProgressDisplay({ isTTY: true, columns: 80, write: (part) => ((text += part), true) }, {});
  display.show(progress());
  const blockLines = text.trimEnd().split('\n').length;
  text = '';
  display.print('ALERT\n');
  expect(text.startsWith(`\r\u001b[${blockLines}A\u001b[0JALERT\n`)).toBe(true);
  expect(text).toContain('may.csv');
});
