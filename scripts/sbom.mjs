// Writes the software bill of materials of a release, CycloneDX, from the lock file. The same lock file gives the same bytes.
// Usage: node scripts/sbom.mjs [FILE]
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const args = ['sbom', '--sbom-format', 'cyclonedx', '--sbom-type', 'application', '--package-lock-only'];

export function billOfMaterials(cwd) {
  const env = { ...process.env, npm_config_update_notifier: 'false' };
  const bill = JSON.parse(execFileSync('npm', args, { cwd, env, encoding: 'utf8', maxBuffer: 64 << 20 }));
  const text = readFileSync(join(cwd, 'package-lock.json'), 'utf8');
  const { name, packages } = JSON.parse(text);
  // `npm sbom --omit dev` leaves out what a development dependency needs too, such as undici: the lock file says it right.
  const installed = new Set(
    Object.entries(packages)
      .filter(([path, one]) => path !== '' && one.dev !== true && one.devOptional !== true)
      .map(([path, { version }]) => `${path.replace(/^.*node_modules\//, '')}@${version}`),
  );
  const components = bill.components.filter((one) => installed.has(`${one.name}@${one.version}`));
  const root = `${name}@${packages[''].version}`;
  const refs = new Set([root, ...components.map((one) => one['bom-ref'])]);
  const dependencies = bill.dependencies
    .filter(({ ref }) => refs.has(ref))
    .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((one) => refs.has(one)) }));
  const hash = createHash('sha256').update(text).digest('hex');
  // npm takes the time, a random number and the name of the folder.
  const { timestamp: _timestamp, ...metadata } = bill.metadata;
  return {
    ...bill,
    serialNumber: `urn:uuid:${hash.slice(0, 8)}-${hash.slice(8, 12)}-8${hash.slice(13, 16)}-8${hash.slice(17, 20)}-${hash.slice(20, 32)}`,
    metadata: { ...metadata, component: { ...metadata.component, name } },
    components,
    dependencies,
  };
}

if (process.argv[1] === import.meta.filename) {
  const bill = billOfMaterials('.');
  const file = process.argv[2] ?? `disburse-${bill.metadata.component.version}.cdx.json`;
  writeFileSync(file, `${JSON.stringify(bill, null, 2)}\n`);
  process.stdout.write(`${file}: ${bill.components.length} packages\n`);
}
