/** The figures of the proof, and the table that shows them. */
import { describe, expect, it } from 'vitest';
import { keepFigure, parts, readFigures } from '../../simulation/figures.ts';
import { guaranteeObject, guarantees, guaranteesIn, guaranteeTable } from '../../simulation/guarantees.ts';
import { inTemporaryFolder } from '../support/cli.ts';

const at = '2026-11-28T10:00:00.000Z';

describe('a figure', () => {
  it('of a full run is not replaced by that of a smaller one, unless one of the two shows a fault', () =>
    inTemporaryFolder(async (folder) => {
      const kept = () => readFigures(folder).schedules?.text;
      expect(readFigures(folder)).toEqual({});
      keepFigure('schedules', { holds: true, text: 'many', size: 1_000, at }, folder);
      keepFigure('schedules', { holds: true, text: 'few', size: 10 }, folder);
      expect(kept()).toBe('many');
      keepFigure('schedules', { holds: false, text: 'a fault', size: 10 }, folder);
      expect(kept()).toBe('a fault');
      keepFigure('schedules', { holds: true, text: 'few', size: 5 }, folder);
      expect(kept()).toBe('few');
      keepFigure('model', { holds: true, text: 'all', size: 1, at }, folder);
      expect(readFigures(folder)).toMatchObject({ schedules: { text: 'few' }, model: { text: 'all', at } });
    }));
});

describe('the table of the proof', () => {
  it('has every guarantee of the page, and every part of the proof checks one of them', () => {
    const rows = guarantees();
    expect(rows.length).toBeGreaterThan(15);
    expect(new Set(rows.flatMap((row) => row.parts))).toEqual(new Set(Object.keys(parts)));
  });

  it('shows the figure of each part, what was not run, and what does not hold', () => {
    const rows = guaranteesIn(
      '| g | c |\n| - | - |\n| one | schedules; the model; `npm run proof -- --crashes` |\n| two | `test/x` |\n\n## Figures\n| x | y |',
    );
    const figures = {
      schedules: { holds: true, text: '5 schedules', size: 5, at },
      model: { holds: false, text: '7 states', size: 1, at },
    };
    expect(guaranteeTable(rows, figures).split('\n').slice(2)).toEqual([
      '| one | schedules; the model; `npm run proof -- --crashes` | `--schedules`: 5 schedules (2026-11-28); `--model`: DOES NOT HOLD: 7 states (2026-11-28); `--crashes`: not run here |',
      '| two | `test/x` | `npm test` |',
    ]);
    expect(guaranteeObject(rows, figures)).toMatchObject({
      guarantees: [
        {
          guarantee: 'one',
          figures: [
            { part: 'schedules', command: 'npm run proof -- --schedules', holds: true },
            { part: 'model', holds: false },
            { part: 'crashes', holds: null },
          ],
        },
        { guarantee: 'two', figures: [] },
      ],
    });
  });
});
