/** The bill of materials of a release, from the lock file. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..', '..');

interface Bill {
  readonly serialNumber: string;
  readonly metadata: { readonly component: { readonly name: string } };
  readonly components: readonly {
    readonly name: string;
    readonly version: string;
    readonly purl: string;
    readonly hashes?: readonly { readonly alg: string }[];
    readonly licenses?: readonly object[];
  }[];
}
const { billOfMaterials } = (await import(new URL('../../scripts/sbom.mjs', import.meta.url).href)) as {
  readonly billOfMaterials: (cwd: string) => Bill;
};
const bill = billOfMaterials(root);
const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
  readonly packages: Readonly<Record<string, { readonly version: string; readonly dev?: boolean; readonly devOptional?: boolean }>>;
};

describe('the bill of materials', () => {
  it('has every package that is installed with disburse, in its version, and no other one', () => {
    const production = Object.entries(lock.packages).filter(([path, one]) => path !== '' && one.dev !== true && one.devOptional !== true);
    const expected = production.map(([path, { version }]) => `${path.replace(/^.*node_modules\//, '')}@${version}`);
    expect(bill.components.map(({ name, version }) => `${name}@${version}`).toSorted()).toEqual([...new Set(expected)].toSorted());
  });

  it('has the licence, the checksum and the address in the registry of each', () => {
    for (const { name, licenses, hashes, purl } of bill.components) {
      expect(licenses?.length ?? 0, name).toBeGreaterThan(0);
      expect(
        hashes?.map(({ alg }) => alg),
        name,
      ).toEqual(['SHA-512']);
      expect(purl, name).toMatch(/^pkg:npm\//);
    }
  });

  it('is the same each time that it is made of the same lock file, and names disburse, wherever its folder is', () => {
    expect(billOfMaterials(root)).toEqual(bill);
    expect(bill.metadata.component.name).toBe('disburse');
    expect(bill.metadata).not.toHaveProperty('timestamp');
    expect(bill.serialNumber).toMatch(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
  });
});
