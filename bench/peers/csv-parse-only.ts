/**
 * csv-parse by itself: arrays and `info`, every row counted and dropped. What no check of a file with it can be faster
 * than.
 *
 *   node bench/peers/csv-parse-only.ts FILE
 *
 * `info` is what an error needs to name its line. No encoding is checked, no column is known, no rule applied.
 */
import { createReadStream } from 'node:fs';
import { once } from 'node:events';
import { parse } from 'csv-parse';

const [file] = process.argv.slice(2);
if (file === undefined) throw new Error('a file is needed');

let rows = 0;
const parser = parse({ bom: true, info: true, relax_column_count: true, max_record_size: 64 * 1024 });
// `data` at the default block size costs least: async iteration, `readable` and larger blocks were slower.
parser.on('data', () => {
  rows += 1;
});
createReadStream(file).pipe(parser);
await once(parser, 'end');
process.stdout.write(`${rows - 1}\n`);
