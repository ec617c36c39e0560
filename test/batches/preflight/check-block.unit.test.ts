import { describe, expect, it } from 'vitest';
import { createTextHash, hashText } from '../../../batches/preflight/bloom-filter.ts';
import { eachSimilarityPiece, similarityKey } from '../../../batches/preflight/content-key.ts';
import { payoutColumns, payoutFile } from '../../../bench/make-file.ts';
import { parserOf } from '../../support/parsing.ts';

const words = (fill: (out: Uint32Array) => void): readonly number[] => {
  const out = new Uint32Array(2);
  fill(out);
  return [...out];
};

describe('a text hash', () => {
  it('of pieces is that of the text that they are together, and the next one begins with nothing', () => {
    const hash = createTextHash();
    for (const pieces of [['pay', 'out\n', '', 'é💶'], [''], ['x'.repeat(70), 'y']]) {
      for (const piece of pieces) hash.add(piece);
      expect(words((out) => hash.take(out, 0))).toEqual(words((out) => hashText(pieces.join(''), out, 0)));
    }
  });

  it('keeps its value: filters of two readings are compared by it', () => {
    expect(words((out) => hashText('payout\n1230\nEUR', out, 0))).toEqual([1305375562, 296237116]);
  });
});

describe('a row that is only checked', () => {
  const reader = parserOf(payoutColumns);
  const rows = [...payoutFile(200, 3)].join('').trimEnd().split('\n').slice(1);
  const broken = rows.map((row, index) => {
    const cells = row.split(',');
    return index % 3 === 0 ? cells : index % 3 === 1 ? cells.with(index % cells.length, '\u00a0 x\u200b') : cells.slice(1);
  });

  it('has the outcome, the problems and the warnings of a row that is read, and looks the same', () => {
    const hash = createTextHash();
    let valid = 0;
    for (const cells of broken) {
      const read = reader.read(cells);
      const checked = reader.check(cells);
      expect(checked.ok).toBe(read.ok);
      expect(checked.warnings).toEqual(read.warnings);
      if (!read.ok || !checked.ok) {
        expect(checked).toEqual(read);
        continue;
      }
      valid += 1;
      expect(read.draft).toMatchObject(checked.checked);
      eachSimilarityPiece(checked.checked, hash.add);
      expect(words((out) => hash.take(out, 0))).toEqual(words((out) => hashText(similarityKey(read.draft), out, 0)));
    }
    expect(valid).toBeGreaterThan(60);
  });
});
