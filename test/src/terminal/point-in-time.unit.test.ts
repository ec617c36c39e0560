import { describe, expect, it } from 'vitest';
import { parseAgo, parseTime, timeText } from '../../../src/terminal/point-in-time.ts';

describe('a point in time', () => {
  it.each([
    ['2026-11-21', '2026-11-21T00:00:00.000Z'],
    ['2026-11-21 08:00', '2026-11-21T08:00:00.000Z'],
    ['2026-11-21T08:00', '2026-11-21T08:00:00.000Z'],
    ['2026-11-21 08:00:05', '2026-11-21T08:00:05.000Z'],
    ['2026-11-21 08:00:05Z', '2026-11-21T08:00:05.000Z'],
    ['2026-11-21T08:00:05.5Z', '2026-11-21T08:00:05.500Z'],
    ['2026-11-21T08:00:05.123+01:00', '2026-11-21T07:00:05.123Z'],
    ['2026-11-21 08:00 -0500', '2026-11-21T13:00:00.000Z'],
    ['2028-02-29', '2028-02-29T00:00:00.000Z'],
  ])('%s is %s, whatever the zone of the machine', (text, iso) => {
    expect(new Date(parseTime(text) ?? Number.NaN).toISOString()).toBe(iso);
  });

  it.each([
    '',
    'noon',
    '2026',
    '2026-11',
    '21.11.2026',
    '11/21/2026',
    '2026-13-01',
    '2026-02-29',
    '2026-11-21 24:00',
    '2026-11-21 08:60',
    '2026-11-21 08',
    '2026-11-21 08:00 CET',
    '2026-11-21 08:00+25:00',
    ' 2026-11-21',
    '1763712000000',
  ])('%j is refused', (text) => {
    expect(parseTime(text)).toBeUndefined();
  });

  it('is printed in UTC with its zone', () => {
    expect(timeText('2026-11-21T08:00:05.123Z')).toBe('2026-11-21 08:00:05Z');
  });

  it.each([
    ['-10m', 1_000_000 - 600_000],
    ['-1ms', 999_999],
  ])('%s is that long ago', (text, expected) => {
    expect(parseAgo(text, 1_000_000)).toBe(expected);
  });

  it.each(['10m', '-', '-10', '--10m', '-10 m'])('%j is no time ago', (text) => {
    expect(parseAgo(text, 1_000_000)).toBeUndefined();
  });
});
