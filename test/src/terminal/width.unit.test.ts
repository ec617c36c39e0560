import { describe, expect, it } from 'vitest';
import { table } from '../../../src/terminal/format.ts';
import { clip, padEnd, padStart, widthOf, wrapItems } from '../../../src/terminal/width.ts';

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
