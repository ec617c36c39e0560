import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const script = join(import.meta.dirname, '..', '..', 'scripts', 'check-words.mjs');

/** What the check finds in a text, run as its own process like everything in scripts/. */
const wordsIn = (text: string, file = 'a.ts'): string[] => {
  const code = `import { findWords } from ${JSON.stringify(script)}; console.log(JSON.stringify(findWords(...process.argv.slice(1))))`;
  const found = execFileSync(process.execPath, ['--input-type=module', '-e', code, file, text], { encoding: 'utf8' });
  return (JSON.parse(found) as { line: number; word: string }[]).map(({ line, word }) => `${line}: ${word}`);
};

it('the word check finds a flagged word, with its line, in any case', () => {
  expect(wordsIn('// fine\n// Whoever mended this told of it')).toEqual(['2: whoever', '2: mended', '2: told of']);
});

it('the word check finds a flagged phrase', () => {
  expect(wordsIn('// what is told goes over the wire')).toEqual(['1: is told', '1: the wire']);
});

it.each([
  ['the heart of the engine', 'the heart'],
  ['without a trustworthy answer', 'trustworthy'],
  ['a line that is passed over', 'is passed over'],
  ['a record that needs a look', 'needs a look'],
  ['what was perhaps sent', 'perhaps sent'],
  ['our set-up is wrong', 'our set-up'],
  ['the state holds against all', 'holds against'],
])('the word check finds the phrase of %j', (text, phrase) => {
  expect(wordsIn(text)).toEqual([`1: ${phrase}`]);
});

it('the word check leaves parts of other words and members of objects alone', () => {
  expect(wordsIn("const amended = sheet.his; // understands the recommendation\nif ('he-llo') offsets.begun(1);")).toEqual([]);
});

it('an allowed member does not allow the word in a comment of the same room', () => {
  expect(wordsIn('const place = { begun: next };\n// one for each MiB begun: its SHA-256', 'consumers/a.ts')).toEqual(['2: begun']);
});
