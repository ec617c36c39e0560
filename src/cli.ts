#!/usr/bin/env -S MALLOC_ARENA_MAX=2 node --max-semi-space-size=8 --heap-growing-percent=40
// The first line keeps the process small: rows in flight outlive a small nursery and become old garbage, which V8 by
// default lets grow to several times the live heap. Collecting a little earlier costs a few percent of CPU and saves a
// third of the memory. Started in another way, disburse works the same with more memory.
//
// This file imports nothing, so that it runs on every Node, and older ones get a sentence instead of a syntax error in a
// library, or a ledger that can be written and not read.
const leastMajor = 24;
const [major = 0] = process.versions.node.split('.').map(Number);
const tooOld =
  major < leastMajor
    ? `disburse needs Node ${leastMajor} or later, and this is Node ${process.versions.node}. Nothing was done.`
    : undefined;
const asksForHelp = process.argv.length <= 2 || process.argv.slice(2).some((word) => /^(?:--help|-h|help|--version|-V)$/.test(word));

if (tooOld !== undefined && !asksForHelp) {
  process.stderr.write(`disburse: ${tooOld}\n`);
  process.exitCode = 1;
} else {
  const [{ availableParallelism }, { enableCompileCache }] = await Promise.all([import('node:os'), import('node:module')]);
  // The thread pool signs requests and writes to the disk. Its size can be set only before its first use, so every other
  // import follows.
  process.env['UV_THREADPOOL_SIZE'] ??= String(Math.max(2, availableParallelism()) + 1);
  if (tooOld === undefined) enableCompileCache();
  const { main } = await import('./main.ts');
  process.exitCode = await main(process.argv, tooOld);
}

export {};
