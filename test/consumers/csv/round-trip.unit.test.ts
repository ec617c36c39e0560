/** Whatever is written is read again, to the last sign: in any encoding, with any delimiter and line end, in any pieces. */
import * as fc from 'fast-check';
import iconv from 'iconv-lite';
import { describe, expect, it } from 'vitest';
import { createDecoder } from '../../../consumers/csv/decoder.ts';
import { formatCsvRow } from './format-row.ts';
import { createRecordCutter, type TextBlock } from '../../../consumers/csv/records.ts';
import { gzipSync } from 'node:zlib';
import { read } from './reading.ts';

const encodings = [
  'utf-8',
  'utf-8 marked',
  'utf-16le',
  'utf-16be',
  'utf-16le marked',
  'utf-16be marked',
  'windows-1252',
  'iso-8859-15',
  'iso-8859-5',
];

function encode(text: string, how: string): Buffer {
  const [name = '', marked] = how.split(' ');
  const whole = marked === undefined ? text : `\uFEFF${text}`;
  if (name === 'utf-8') return Buffer.from(whole);
  if (name === 'utf-16le') return Buffer.from(whole, 'utf16le');
  return name === 'utf-16be' ? Buffer.from(whole, 'utf16le').swap16() : iconv.encode(whole, name);
}

/** Signs that every encoding of the list has, and those that matter to CSV more often than chance would bring them. */
const asciiCell = fc.string({
  unit: fc.constantFrom('a', 'Z', '0', ' ', ',', ';', '\t', '|', '"', '\n', '\r\n', "'", '=', '\\'),
  maxLength: 12,
});
const anyCell = fc.oneof(
  asciiCell,
  fc.string({ unit: 'binary', maxLength: 8 }).map((text) => text.replaceAll(/[\0\uFEFF]|\p{Cs}/gu, '')),
);
const wholeRow = (cell: fc.Arbitrary<string>): fc.Arbitrary<string[]> =>
  fc.array(cell, { minLength: 3, maxLength: 3 }).filter((cells) => cells.some((text) => text !== ''));

/** All-quoted, as some programs write it, or only where needed, as we do. */
const write = (cells: readonly string[], delimiter: string, quoteAll: boolean): string =>
  quoteAll ? cells.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(delimiter) : formatCsvRow(cells, delimiter);

const file = fc
  .record({
    how: fc.constantFrom(...encodings),
    delimiter: fc.constantFrom(',', ';', '\t', '|'),
    lastEnd: fc.boolean(),
    packed: fc.boolean(),
    filler: fc.constantFrom(0, 0, 0, 3000, 20_000),
    fillerAt: fc.nat(8),
  })
  .chain((shape) =>
    fc.record({
      shape: fc.constant(shape),
      rows: fc.array(
        fc.record({
          cells: wholeRow(shape.how.startsWith('utf') ? anyCell : asciiCell),
          end: fc.constantFrom('\n', '\r\n'),
          quoteAll: fc.boolean(),
        }),
        {
          maxLength: 8,
        },
      ),
    }),
  );

/** A stray quote could have made it: lines between the breaks that look like rows are refused, and not meant here. */
const looksSwallowed = (cells: readonly string[], delimiter: string): boolean =>
  cells.some((cell) => cell.includes('\n') && cell.split(delimiter).length >= 3);

describe('round trip', () => {
  it('reads what was written, cell by cell and line by line', async () => {
    await fc.assert(
      fc.asyncProperty(file, async ({ shape, rows }) => {
        const { delimiter, how } = shape;
        const kept = rows.filter(({ cells }) => !looksSwallowed(cells, delimiter));
        const padding = Array.from({ length: shape.filler }, (_, index) => ({
          cells: [String(index), 'x', 'y'],
          end: '\n',
          quoteAll: false,
        }));
        const all = [...kept.slice(0, shape.fillerAt), ...padding, ...kept.slice(shape.fillerAt)];
        const header = ['id', 'x"y', 'z'];
        let text = `${formatCsvRow(header, delimiter)}\n`;
        let line = 2;
        const expected: { line: number; cells: string[] }[] = [];
        all.forEach(({ cells, end, quoteAll }, index) => {
          const record = write(cells, delimiter, quoteAll);
          expected.push({ line, cells });
          line += record.split('\n').length;
          text += record + (index === all.length - 1 && !shape.lastEnd ? '' : end);
        });
        const bytes = encode(text, how);
        const [name = '', marked] = how.split(' ');
        const options = { delimiter, ...(marked === undefined ? { encoding: name } : {}) };
        const { csv, rows: found } = await read(shape.packed ? gzipSync(bytes) : bytes, options);
        expect(csv.header).toEqual(header);
        expect(found).toEqual(expected);
      }),
      { numRuns: 150 },
    );
  });

  it('decodes chunks of any size as one', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('utf-8', 'utf-16le', 'utf-16be', 'windows-1252'),
        fc.uint8Array({ maxLength: 40 }),
        fc.array(fc.nat(40), { maxLength: 5 }),
        fc.boolean(),
        (encoding, noise, cuts, sound) => {
          const bytes = sound && encoding.startsWith('utf') ? encode(Buffer.from(noise).toString('utf8'), encoding) : Buffer.from(noise);
          const decoded = decodeAll(encoding, [bytes]);
          expect(decodeAll(encoding, pieces(bytes, cuts))).toEqual(decoded);
          expect(!sound || !encoding.startsWith('utf') || decoded.text === Buffer.from(noise).toString('utf8')).toBe(true);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('cuts anywhere outside quotes, loses nothing and counts on', () => {
    const text = fc.string({ unit: fc.constantFrom('a', ',', '"', '\n', '\r\n'), maxLength: 60 });
    fc.assert(
      fc.property(text, fc.array(fc.nat(60), { maxLength: 6 }), (whole, cuts) => {
        const cutter = createRecordCutter(7, (part) => part.length);
        const blocks = pieces(whole, cuts).map((piece) => cutter.push(piece));
        const found = [...blocks, cutter.end()].filter((block): block is TextBlock => block !== undefined);
        expect(found.map((block) => block.text).join('')).toBe(whole);
        let before = '';
        for (const block of found) {
          expect(block.line).toBe(before.split('\n').length);
          expect(block.offset).toBe(7 + before.length);
          expect(before.split('"').length % 2).toBe(1);
          expect(before === '' || before.endsWith('\n')).toBe(true);
          before += block.text;
        }
        expect(cutter.line()).toBe(whole.split('\n').length);
        expect(found.at(-1)?.end ?? 'whole').toBe(whole.split('"').length % 2 === 1 ? 'whole' : 'open');
      }),
      { numRuns: 2000 },
    );
  });
});

function pieces<T extends string | Buffer>(whole: T, cuts: readonly number[]): T[] {
  const at = [0, ...cuts.filter((cut) => cut < whole.length).sort((a, b) => a - b), whole.length];
  return at.slice(1).map((end, index) => (typeof whole === 'string' ? whole.slice(at[index], end) : whole.subarray(at[index], end)) as T);
}

/** Up to the first fault: nothing is read behind it. */
function decodeAll(encoding: string, parts: readonly Buffer[]): { text: string; offset: number | undefined } {
  const decoder = createDecoder(encoding, 0);
  let text = '';
  for (const part of [...parts, undefined]) {
    const decoded = part === undefined ? decoder.end() : decoder.decode(part);
    text += decoded.text;
    if (decoded.fault !== undefined) return { text, offset: decoded.fault.offset };
  }
  return { text, offset: undefined };
}
