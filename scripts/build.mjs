// Compiles to dist/ and makes the command executable.
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';

rmSync('dist', { recursive: true, force: true });
const { status } = spawnSync('tsc', ['-p', 'tsconfig.build.json'], { stdio: 'inherit' });
if (status !== 0) process.exit(status ?? 1);
// What the compiler leaves behind: the scripts that run inside Redis, and what browsers get of the console.
for (const name of readdirSync('src', { recursive: true }))
  if (/\.lua$|^console\/assets\/.*\.(?:css|js|svg)$/.test(name.replaceAll('\\', '/'))) cpSync(`src/${name}`, `dist/src/${name}`);
chmodSync('dist/src/cli.js', 0o755);
const { jsonSchema, schemaNames } = await import(new URL('../dist/src/schemas.js', import.meta.url).href);
mkdirSync('dist/schemas');
for (const name of schemaNames) writeFileSync(`dist/schemas/${name}.json`, `${JSON.stringify(jsonSchema(name), null, 2)}\n`);
const { manPage } = await import(new URL('../dist/src/command-line/man-page.js', import.meta.url).href);
mkdirSync('dist/man');
writeFileSync('dist/man/disburse.1', manPage());
// The pages as a site. An image that runs the program may be built without them.
if (existsSync('docs')) {
  const { buildSite } = await import('./docs-site/build-site.ts');
  buildSite({ root: '.', out: 'dist/site' });
}
