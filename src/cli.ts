#!/usr/bin/env -S node --max-semi-space-size=4
// The thread pool is what signs. Its size counts only before its first use, so this stands before every import
// that may touch it.
import { enableCompileCache } from 'node:module';
import { availableParallelism } from 'node:os';

process.env['UV_THREADPOOL_SIZE'] ??= String(Math.max(2, availableParallelism()));
enableCompileCache();

const { main } = await import('./main.ts');
process.exitCode = await main(process.argv);
