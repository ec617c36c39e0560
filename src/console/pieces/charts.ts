/** Charts as inline SVG, each with its figures in a table beneath. */
import { grouped } from '../../terminal/format.ts';
import { markup, type Markup } from '../markup.ts';
import { dataTable } from './table.ts';

export interface Bar {
  readonly name: string;
  readonly value: number;
  /** In the table, where the value alone says too little. */
  readonly text?: string;
}

const width = 320;
const height = 110;
const foot = 16;
/** Of a letter of the names, at most. */
const letterWidth = 6;

/** @property unit what the values count, such as `records` @property nameOf the column of the names */
export interface BarChart {
  readonly title: string;
  readonly unit: string;
  readonly nameOf: string;
  readonly bars: readonly Bar[];
}

export function barChart({ title, unit, nameOf, bars }: BarChart): Markup {
  const most = Math.max(0, ...bars.map(({ value }) => value));
  const step = width / Math.max(1, bars.length);
  const drawn = bars.map(({ value }, index) => {
    const tall = Math.round(((height - foot - 14) * value) / Math.max(1, most));
    const x = Math.round(index * step + step * 0.1);
    return markup`<rect x="${x}" y="${height - foot - tall}" width="${Math.max(1, Math.round(step * 0.8))}" height="${tall}"></rect>`;
  });
  const every = Math.ceil(bars.length / 6);
  const names = bars.map(({ name }, index) => (index % every === 0 ? nameAt(name, index * step + step / 2) : null));
  const rows = bars.map(({ name, value, text }) => [name, text ?? grouped(value)]);
  return markup`<figure class="chart"><figcaption>${title}</figcaption>
<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${title}: the table below has its figures">
<line x1="0" y1="${height - foot}" x2="${width}" y2="${height - foot}"></line>${drawn}${names}
<text x="2" y="11">most: ${grouped(most)}</text></svg>
<details><summary>Figures of “${title}”</summary>${dataTable({ label: title, columns: [nameOf, unit], rows, right: new Set([1]) })}</details></figure>`;
}

/** The name below a bar: under its middle, or at an edge of the chart where it would be cut off there. */
function nameAt(name: string, middle: number): Markup {
  const half = (name.length * letterWidth) / 2;
  const [x, anchor] = middle < half ? [0, 'start'] : middle > width - half ? [width, 'end'] : [Math.round(middle), 'middle'];
  return markup`<text x="${x}" y="${height - 4}" text-anchor="${anchor}">${name}</text>`;
}

export interface Part {
  readonly name: string;
  readonly count: number;
  readonly tone: 'final' | 'sent' | 'waiting';
}

/** One bar in parts, which are also in words below it. */
export function partsBar(label: string, parts: readonly Part[]): Markup {
  const total = parts.reduce((sum, { count }) => sum + count, 0);
  let from = 0;
  const drawn = parts.map(({ count, tone }) => {
    const share = total === 0 ? 0 : (count / total) * 1_000;
    const rect = markup`<rect class="${tone}" x="${from.toFixed(2)}" y="0" width="${share.toFixed(2)}" height="20"></rect>`;
    from += share;
    return rect;
  });
  const words = parts.map(
    ({ name, count, tone }) =>
      markup`<li><span class="key ${tone}" aria-hidden="true"></span>${name} <strong>${grouped(count)}</strong></li>`,
  );
  return markup`<div class="parts"><svg viewBox="0 0 1000 20" preserveAspectRatio="none" role="img" aria-label="${label}">${drawn}</svg><ul>${words}</ul></div>`;
}
