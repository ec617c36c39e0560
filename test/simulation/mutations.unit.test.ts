/** `npm run proof -- --mutations` finds the text of every mistake in the sources. */
import { expect, it } from 'vitest';
import { mutations } from '../../simulation/mutations/mutations.ts';
import { mutatedFiles } from '../../simulation/mutations/run.ts';

it('there are at least fifty mutations, each under a name of its own', () => {
  expect(mutations.length).toBeGreaterThanOrEqual(50);
  expect(new Set(mutations.map(({ name }) => name)).size).toBe(mutations.length);
});

it.each(mutations)('the text of "$name" is exactly once in its file', async (mutation) => {
  expect((await mutatedFiles(mutation)).size).toBeGreaterThan(0);
});

it('a text that is not in its file is an error that names both', async () => {
  const patches = [{ file: 'batches/record/status.ts', text: 'no such text', replacement: '' }];
  await expect(mutatedFiles({ name: 'none', patches })).rejects.toThrow(/0 times in batches\/record\/status\.ts/);
});
