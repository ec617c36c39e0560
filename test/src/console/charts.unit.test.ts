import { describe, expect, it } from 'vitest';
import { barChart } from '../../../src/console/pieces/charts.ts';

const chart = (names: readonly string[], value: number): string =>
  String(barChart({ title: 'T', unit: 'records', nameOf: 'name', bars: names.map((name) => ({ name, value })) }));

describe('a bar chart', () => {
  it('has the most of 0 when every bar is 0', () => {
    expect(chart(['10:36', '10:37'], 0)).toContain('>most: 0<');
    expect(chart([], 0)).toContain('>most: 0<');
    expect(chart(['10:36'], 3)).toContain('>most: 3<');
  });

  it('keeps a name at its edges within the chart, however many bars it has', () => {
    for (const count of [1, 2, 6, 8, 9, 30, 60]) {
      const text = chart(Array<string>(count).fill('under a day'), 1);
      const names = [...text.matchAll(/<text x="(\d+)" y="\d+" text-anchor="(\w+)">([^<]*)</g)];
      expect(names.length).toBeGreaterThan(0);
      for (const [, x, anchor, name = ''] of names) {
        const wide = name.length * 6;
        const from = Number(x) - (anchor === 'start' ? 0 : anchor === 'end' ? wide : wide / 2);
        expect([count, from >= -1, from + wide <= 321]).toEqual([count, true, true]);
      }
    }
  });
});
