import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createRowParser } from '../../../batches/csv-row/parse-row.ts';
import { validateBlock, type BlockReport } from '../../../batches/preflight/check-block.ts';
import { readCsv } from '../../../consumers/csv/read-csv.ts';
import type { CsvRow } from '../../../consumers/csv/rows.ts';
import { isWorthThread, startCheckThread } from '../../../src/files/check-thread.ts';
import { csvOf, payouts } from '../../support/builders.ts';
import { inTemporaryFolder } from '../../support/cli.ts';

it('a file of many blocks gets the same reports from a second thread, rows that are invalid, blank or oddly quoted included', async () => {
  await inTemporaryFolder(async (folder) => {
    const [header = '', ...rows] = csvOf(payouts(6000)).trimEnd().split('\n');
    const lines = rows.map((row, index) => {
      if (index % 97 === 0) return row.replace('EUR', 'XXX');
      if (index === 1500 || index === 1501 || index === 5000) return '';
      if (index === 3000) return `"${row.replaceAll(',', '","')}"`;
      return row;
    });
    const path = join(folder, 'may.csv');
    writeFileSync(path, [header, ...lines, ''].join('\n'));
    const reading = { now: Date.parse('2026-11-21T10:00:00Z'), maxAmount: new Map([['EUR', 500n]]) };

    const reportsOf = async (withThread: boolean) => {
      const csv = await readCsv(path);
      const made = createRowParser(csv.header, reading);
      if (!made.ok) throw new Error('the header is not valid');
      const thread = withThread ? startCheckThread({ header: csv.header, delimiter: csv.delimiter, reading }) : undefined;
      let answered = 0;
      const elsewhere = (block: { text: string; line: number }) =>
        thread?.check(block)?.then((report) => {
          if (report !== undefined) answered += 1;
          return report;
        });
      try {
        const here = (block: readonly CsvRow[]): BlockReport => validateBlock(block, made.reader);
        const reports: BlockReport[] = [];
        for await (const report of csv.judged(withThread ? { here, elsewhere } : { here })) reports.push(report);
        return { reports, ending: csv.finished(), answered };
      } finally {
        await thread?.close();
      }
    };

    const [alone, together] = [await reportsOf(false), await reportsOf(true)];
    expect(alone.reports.length).toBeGreaterThan(10);
    expect(alone.reports.reduce((sum, { errorsTotal }) => sum + errorsTotal, 0)).toBeGreaterThan(50);
    expect(alone.ending.warningsTotal).toBe(2);
    expect(together.reports).toEqual(alone.reports);
    expect(together.ending).toEqual(alone.ending);
    expect(together.answered).toBeGreaterThan(0);
  });
});

it('a thread that ended fails what it was asked and what it is asked later', async () => {
  const thread = startCheckThread({ header: ['no', 'such', 'header'], delimiter: ',', reading: { now: 0 } });
  await expect(thread.check({ text: 'x,1\n', line: 2 })).rejects.toThrow('not here');
  await expect(thread.check({ text: 'x,1\n', line: 3 })).rejects.toThrow('not here');
  await thread.close();
});

it('a pipe and a small file are read by one thread', () => {
  expect(isWorthThread(null)).toBe(false);
  expect(isWorthThread(1_000_000)).toBe(false);
});
