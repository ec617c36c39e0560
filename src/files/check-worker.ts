/** The thread of `check-thread.ts`: takes blocks of text, answers a report for each, or null for one that is not plain. */
import { parentPort, workerData } from 'node:worker_threads';
import { createRowReader } from '../../batches/csv-row/row-reader.ts';
import { validateBlock } from '../../batches/preflight/check-block.ts';
import { createPlainReader, type PlainText } from '../../consumers/csv/plain-rows.ts';
import type { CheckThreadData } from './check-thread.ts';

const { header, delimiter, reading } = workerData as CheckThreadData;
const made = createRowReader(header, reading);
if (!made.ok) throw new Error('the header was valid on the main thread and is not here');
const { reader } = made;
const plain = createPlainReader(header, delimiter);

parentPort?.on('message', (block: PlainText) => {
  const rows = plain(block);
  if (rows === undefined) {
    parentPort?.postMessage(null);
    return;
  }
  const report = validateBlock(rows, reader);
  parentPort?.postMessage(report, [report.ids.buffer, report.twins.buffer]);
});
