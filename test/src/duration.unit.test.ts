import { expect, it } from 'vitest';
import { formatDuration, parseDurationMs } from '../../src/duration.ts';

it.each([
  ['1500ms', 1500],
  ['2s', 2000],
  ['1.5s', 1500],
  ['15m', 900_000],
  ['12h', 43_200_000],
  ['400d', 34_560_000_000],
  ['0s', 0],
])('%s is %i ms', (text, ms) => {
  expect(parseDurationMs(text)).toBe(ms);
});

it.each(['', '15', 's', '-1s', '1 s', '1e3s', '1.s', '1S', '1w', '1h30m', 'Infinitys'])('%j is not a duration', (text) => {
  expect(parseDurationMs(text)).toBeUndefined();
});

it.each([
  [0, '0s'],
  [499, '0s'],
  [12_000, '12s'],
  [59_999, '1m 00s'],
  [200_000, '3m 20s'],
  [3_840_000, '1h 04m'],
  [-5, '0s'],
])('%i ms is formatted as %s', (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
});
