/** The pages that tell people what the program does, and a way to read tables in them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const root = join(import.meta.dirname, '..', '..');

export const page = (path: string): string => readFileSync(join(root, path), 'utf8');

export const pageNames: readonly string[] = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

/** Whether the page names it as code: `name`, alone or at the beginning of a longer piece. */
export const names = (text: string, name: string): boolean => {
  const literal = name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`\`${literal}(?![\\w-])`).test(text);
};

/** The cells of the table row whose first cell is `first` in backticks. */
export const tableRow = (text: string, first: string): readonly string[] | undefined =>
  text
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
    .find(([cell]) => cell === `\`${first}\``);
