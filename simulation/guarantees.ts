/** One table of what is guaranteed, the checks of each guarantee, and the figures that they gave: the page of guarantees has the first two. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parts, type Figure, type Figures, type Part } from './figures.ts';

const pagePath = join(import.meta.dirname, '..', 'docs', 'guarantees.md');

export interface Guarantee {
  readonly guarantee: string;
  readonly check: string;
  /** The parts of the proof that its check names. */
  readonly parts: readonly Part[];
}

const saysSo: Readonly<Record<Part, RegExp>> = {
  schedules: /\bschedules\b/,
  model: /\bthe model\b/,
  mutations: /--mutations\b/,
  crashes: /--crashes\b/,
  fuzz: /--fuzz\b/,
  differential: /--differential\b/,
  steady: /--load steady\b/,
  file: /--load file\b/,
  backlog: /--load backlog\b/,
};
const names = Object.keys(parts) as Part[];

/** The first table of the page. */
export function guaranteesIn(page: string): readonly Guarantee[] {
  const [first = ''] = page.split('\n## ');
  const lines = first.split('\n').filter((line) => line.startsWith('|'));
  return lines.slice(2).map((line) => {
    const [guarantee = '', check = ''] = line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim());
    return { guarantee, check, parts: names.filter((name) => saysSo[name].test(check)) };
  });
}

export const guarantees = (): readonly Guarantee[] => guaranteesIn(readFileSync(pagePath, 'utf8'));

const figureText = (part: Part, figure: Figure | undefined): string =>
  figure === undefined
    ? `\`${parts[part]}\`: not run here`
    : `\`${parts[part]}\`: ${figure.holds ? '' : 'DOES NOT HOLD: '}${figure.text} (${figure.at.slice(0, 10)})`;

/** As Markdown, so that it can be put into the page. Where only tests check, the figure is that of `npm test`. */
export function guaranteeTable(rows: readonly Guarantee[], figures: Figures): string {
  const cells = rows.map(({ guarantee, check, parts: its }) => [
    guarantee,
    check,
    its.length === 0 ? '`npm test`' : its.map((part) => figureText(part, figures[part])).join('; '),
  ]);
  return [['guarantee', 'check', 'figure'], ['---', '---', '---'], ...cells].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

/** The same for programs. */
export const guaranteeObject = (rows: readonly Guarantee[], figures: Figures): object => ({
  guarantees: rows.map(({ guarantee, check, parts: its }) => ({
    guarantee,
    check,
    figures: its.map((part) => ({ part, command: `npm run proof -- ${parts[part]}`, ...(figures[part] ?? { holds: null }) })),
  })),
  figures,
});
