import { describe, expect, it } from 'vitest';
import { table } from '../../../src/terminal/format.ts';
import { clip, columnsOf, padEnd, padStart, widthOf, wrapItems, wrapText } from '../../../src/terminal/width.ts';

const green = (text: string): string => `\u001b[32m${text}\u001b[39m`;

describe('the width of a text', () => {
  it.each([
    ['', 0],
    ['may.csv', 7],
    ['五月.csv', 8],
    ['급여.csv', 8],
    ['ｆｕｌｌ', 8],
    ['Zoë', 3],
    ['Zoe\u0308', 3],
    ['💶', 2],
    [green('12'), 2],
  ])('of %j is %i columns', (text, width) => {
    expect(widthOf(text)).toBe(width);
  });
});

describe('a clipped text', () => {
  it.each([
    ['may.csv', 7, 'may.csv'],
    ['may.csv', 6, 'may.c…'],
    ['五月の支払い', 7, '五月の…'],
    ['五月の支払い', 6, '五月…'],
    ['may.csv', 1, '…'],
  ])('%j at %i columns is %j', (text, width, clipped) => {
    expect(clip(text, width)).toBe(clipped);
    expect(widthOf(clipped)).toBeLessThanOrEqual(width);
  });

  it('closes its styles', () => {
    expect(clip(green('succeeded'), 5)).toBe(green('succ…'));
  });
});

it('columns of East Asian names are aligned', () => {
  const lines = table(
    [
      ['五月.csv', '1'],
      ['may.csv', '10'],
    ],
    new Set([1]),
  ).split('\n');
  expect(lines).toEqual(['五月.csv   1', 'may.csv   10']);
  expect(padEnd('五', 4)).toBe('五  ');
  expect(padStart('五', 4)).toBe('  五');
});

it('items are wrapped between them, and never cut', () => {
  expect(wrapItems(['aaa 1', 'bbb 2', 'ccc 3'], { width: 14, separator: '  ', indent: '  ' })).toEqual(['  aaa 1  bbb 2', '  ccc 3']);
  expect(wrapItems(['a long item'], { width: 5, separator: '  ', indent: '' })).toEqual(['a long item']);
});

describe('a text on a terminal', () => {
  const text = '  line 7, inv-1: The bank refused it. [refused]\nshort';

  it('is broken at blanks, under the text of its line', () => {
    expect(wrapText(text, 24).split('\n')).toEqual(['  line 7, inv-1: The', '    bank refused it.', '    [refused]', 'short']);
  });

  it('keeps a word that is wider than the terminal whole, so that a path or an id can be copied', () => {
    expect(wrapText(`in /data/${'a'.repeat(64)}.csv there`, 20).split('\n')).toEqual(['in', `  /data/${'a'.repeat(64)}.csv`, '  there']);
  });

  it('is left as it is where the output is no terminal', () => {
    expect(wrapText(text, columnsOf({ columns: 10 }))).toBe(text);
    expect(columnsOf({ isTTY: true, columns: 42 })).toBe(42);
  });
});
