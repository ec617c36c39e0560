/** The figures of the newest full run of each part of the proof in this checkout, so that one table can show all of them. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** As the page of guarantees names them, with the option that runs each. */
export const parts = {
  schedules: '--schedules',
  model: '--model',
  mutations: '--mutations',
  crashes: '--crashes',
  fuzz: '--fuzz',
  differential: '--differential',
  steady: '--load steady',
  file: '--load file',
  backlog: '--load backlog',
} as const;
export type Part = keyof typeof parts;

export interface Figure {
  /** Everything holds. */
  readonly holds: boolean;
  /** In one line, for people. */
  readonly text: string;
  /** How much was run: schedules, kills, inputs. */
  readonly size: number;
  /** When it ended, ISO 8601. */
  readonly at: string;
}

export type Figures = Partial<Readonly<Record<Part, Figure>>>;

const usualFolder = join(import.meta.dirname, '..', '.proof');
const fileIn = (folder: string): string => join(folder, 'figures.json');

export const readFigures = (folder = usualFolder): Figures =>
  existsSync(fileIn(folder)) ? (JSON.parse(readFileSync(fileIn(folder), 'utf8')) as Figures) : {};

/** A try of a few does not replace the figure of a full run, unless it shows a fault, or the full run did. */
export function keepFigure(
  part: Part,
  { at = new Date().toISOString(), ...found }: Omit<Figure, 'at'> & { readonly at?: string },
  folder = usualFolder,
): void {
  const kept = readFigures(folder);
  const before = kept[part];
  if (before !== undefined && before.holds && found.holds && found.size < before.size) return;
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${fileIn(folder)}.part`, `${JSON.stringify({ ...kept, [part]: { ...found, at } }, null, 2)}\n`);
  renameSync(`${fileIn(folder)}.part`, fileIn(folder));
}
