/** The page of guarantees names checks that exist. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { modelMutations } from '../../simulation/model/check.ts';
import { page, root } from './pages.ts';

const guarantees = page('docs/guarantees.md');

it('docs/guarantees.md names only files that exist', () => {
  const paths = [...guarantees.matchAll(/(?<![\w/])((?:test|simulation)\/[\w./-]*)/g)].map(([, path]) => path ?? '');
  expect(paths.length).toBeGreaterThan(30);
  expect(paths.filter((path) => !existsSync(join(root, path)))).toEqual([]);
});

it('docs/guarantees.md has a check in every row of its first table', () => {
  const [table = ''] = guarantees.split('## Figures');
  const rows = table.split('\n').filter((line) => line.startsWith('|'));
  expect(rows.length).toBeGreaterThan(10);
  expect(rows.slice(2).filter((row) => !/`(?:test\/|npm run proof)|the model/.test(row))).toEqual([]);
});

it('docs/guarantees.md counts the mutations of the model', () => {
  expect(guarantees).toContain(`${modelMutations.length} of ${modelMutations.length} mistakes found`);
});
