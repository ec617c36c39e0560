#!/usr/bin/env -S node --max-semi-space-size=16
// Young objects live as long as a row is in flight; a smaller nursery makes them old before they die, which costs both
// time and memory.
//
// The thread pool is what signs. Its size counts only before its first use, so this stands before every import
// that may touch it.
import { enableCompileCache } from 'node:module';
import { availableParallelism } from 'node:os';

process.env['UV_THREADPOOL_SIZE'] ??= String(Math.max(2, availableParallelism()));
enableCompileCache();

const { main } = await import('./main.ts');
process.exitCode = await main(process.argv);
