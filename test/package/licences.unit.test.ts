/** What is installed with the package: few packages, each with a licence that allows its use and a checksum in the lock file. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..', '..');

interface Locked {
  readonly license?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly optional?: boolean;
  readonly hasInstallScript?: boolean;
}

const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as { readonly packages: Readonly<Record<string, Locked>> };
const production = Object.entries(lock.packages).filter(([path, one]) => path !== '' && one.dev !== true && one.devOptional !== true);

/** Permissive licences; of a choice, one is enough. */
const allowed = ['0BSD', 'Apache-2.0', 'BlueOak-1.0.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT'];
const isAllowed = (licence: string): boolean =>
  licence
    .replace(/^\(|\)$/g, '')
    .split(/ or /i)
    .some((one) => allowed.includes(one));

/** Where most packages of the lock file come from: all of them must. */
const origins = production.flatMap(([, { resolved }]) => (resolved === undefined ? [] : [new URL(resolved).origin]));
const registry = origins.find(
  (origin) => origin.startsWith('https://') && origins.filter((one) => one === origin).length > origins.length / 2,
);

describe('a package that is installed with disburse', () => {
  it.each(production)('%s has a licence of the list, in its own package.json', (path) => {
    const file = join(root, path, 'package.json');
    if (lock.packages[path]?.optional === true && !existsSync(file)) return;
    const { license } = JSON.parse(readFileSync(file, 'utf8')) as { readonly license?: unknown };
    expect(typeof license === 'string' && isAllowed(license), `the licence ${JSON.stringify(license)} of ${path}`).toBe(true);
  });

  it.each(production)('%s comes from the registry, with a checksum, and runs no script when it is installed', (_path, one) => {
    // Without an address of its own it comes from the configured registry; never from a folder, a URL or a repository.
    if (one.resolved !== undefined) expect(new URL(one.resolved).origin).toBe(registry);
    expect(one.integrity).toMatch(/^sha512-/);
    expect(one.hasInstallScript).toBeUndefined();
  });

  it('is one of at most 60', () => {
    expect(production.length).toBeGreaterThan(10);
    expect(production.length).toBeLessThanOrEqual(60);
  });
});

describe('the list of licences', () => {
  it.each([
    ['MIT', true],
    ['MIT or MPL-2.0', true],
    ['(MIT OR GPL-3.0)', true],
    ['GPL-3.0', false],
    ['UNLICENSED', false],
    ['SEE LICENSE IN LICENSE.md', false],
    ['MIT AND GPL-3.0', false],
  ])('says of %s: %s', (licence, expected) => {
    expect(isAllowed(licence)).toBe(expected);
  });
});
