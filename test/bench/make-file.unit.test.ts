import { describe, expect, it } from 'vitest';
import { parse } from 'csv-parse/sync';
import { serialise } from '../../batches/pipeline/request-body.ts';
import { payoutColumns, payoutFile, shapes } from '../../bench/make-file.ts';
import { payoutBody, type PayoutRow } from '../../bench/peers/payout.ts';
import { parserOf, validOf } from '../support/parsing.ts';

const rows = 2000;
const text = [...payoutFile(rows, 7)].join('');
const records = parse(text) as string[][];

const idempotencyKey = '123e4567-e89b-12d3-a456-426614174000';

describe('the generated file', () => {
  it('has a header and as many rows as were asked for, each under an id of its own', () => {
    expect(records[0]).toEqual([...payoutColumns]);
    expect(new Set(records.slice(1).map(([id]) => id)).size).toBe(rows);
    expect(text.endsWith('\n')).toBe(true);
  });

  it('is the same for the same seed, and another for another', () => {
    expect([...payoutFile(rows, 7)].join('')).toBe(text);
    expect([...payoutFile(rows, 8)].join('')).not.toBe(text);
  });

  it.each(shapes)('of shape %s passes every rule, and has the rows that were asked for', (shape) => {
    const shaped = parse([...payoutFile(rows, 7, shape)].join('')) as string[][];
    const reader = parserOf(shaped[0] ?? []);
    expect(shaped).toHaveLength(rows + 1);
    const bad = shaped
      .slice(1)
      .map((cells) => reader.read(cells))
      .filter((reading) => !reading.ok);
    expect(bad).toEqual([]);
  });

  it('makes the peers send what we send, in as many bytes', () => {
    const reader = parserOf(payoutColumns);
    for (const cells of records.slice(1)) {
      const row = Object.fromEntries(payoutColumns.map((name, column) => [name, cells[column]])) as PayoutRow;
      const theirs = Buffer.from(JSON.stringify(payoutBody(row, idempotencyKey)));
      const ours = serialise(validOf(reader.read(cells)), { attempt: 1, idempotencyKey });
      expect(JSON.parse(theirs.toString())).toEqual(JSON.parse(ours.toString()));
      expect(theirs.length).toBe(ours.length);
    }
  });

  it('has quotes, and cells of several lines, where its shape says so', () => {
    const [plain = '', quoted = '', multiLine = ''] = shapes.map((shape) => [...payoutFile(rows, 7, shape)].join(''));
    expect(plain).not.toContain('"');
    expect(quoted.match(/"/g)).toHaveLength(rows * 2);
    expect(quoted.split('\n')).toHaveLength(rows + 2);
    expect(multiLine.split('\n')).toHaveLength(rows + 2 + (2 * rows) / 10);
    expect(multiLine).toContain('""');
  });

  it('ends in the middle of a chunk, or after one, without a row too many', () => {
    for (const count of [1, 511, 512, 513]) expect([...payoutFile(count)].join('').split('\n')).toHaveLength(count + 2);
  });
});
