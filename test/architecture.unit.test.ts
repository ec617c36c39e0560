/** Holds the arrows between the folders, as CONTRIBUTING.md draws them. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { isBuiltin } from 'node:module';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..');

const arrows: Readonly<Record<string, readonly string[]>> = {
  batches: [],
  consumers: ['batches'],
  producers: ['batches'],
  sandbox: [],
  src: ['batches', 'consumers', 'producers'],
};

/** The only doors from `src` into the sandbox: it is started as a command. */
const sandboxDoors = new Set(['src/commands/sandbox.ts']);

/** The heart does no I/O: of Node it knows hashing and bytes. */
const heartsBuiltins = new Set(['node:crypto', 'node:buffer']);

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
}

function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8');
  return [...text.matchAll(/(?:from\s+|import\s*\(\s*|import\s+)'([^']+)'/g)].map((match) => match[1] ?? '');
}

const folderOf = (file: string, specifier: string): string => normalize(join(dirname(file), specifier)).split('/')[0] ?? '';

describe.each(Object.entries(arrows))('%s', (folder, allowed) => {
  const files = sources(folder);

  it('has sources', () => {
    expect(files.length).toBeGreaterThan(0);
  });

  it('imports only what its arrows allow', () => {
    const wrong = files.flatMap((file) =>
      importsOf(file)
        .filter((specifier) => specifier.startsWith('.'))
        .filter((specifier) => {
          const target = folderOf(file, specifier);
          return target !== folder && !allowed.includes(target) && !(target === 'sandbox' && sandboxDoors.has(file));
        })
        .map((specifier) => `${file} -> ${specifier}`),
    );
    expect(wrong).toEqual([]);
  });
});

it('the heart does no I/O', () => {
  const wrong = sources('batches').flatMap((file) =>
    importsOf(file)
      .filter((specifier) => isBuiltin(specifier) && !heartsBuiltins.has(specifier))
      .map((specifier) => `${file} -> ${specifier}`),
  );
  expect(wrong).toEqual([]);
});

it('the heart has no clock and no chance of its own', () => {
  const wrong = sources('batches').filter((file) =>
    /Date\.now\(|new Date\(\)|Math\.random\(|randomBytes\(|randomUUID\(|setTimeout\(/.test(readFileSync(join(root, file), 'utf8')),
  );
  expect(wrong).toEqual([]);
});

it('only src reads the environment', () => {
  const wrong = ['batches', 'consumers', 'producers', 'sandbox']
    .flatMap(sources)
    .filter((file) => /process\.env/.test(readFileSync(join(root, file), 'utf8')));
  expect(wrong).toEqual([]);
});
