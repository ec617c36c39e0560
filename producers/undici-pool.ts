/**
 * undici's connection pool, without the rest of the package: its `fetch`, caches, mocks and sockets would cost each start
 * 50 ms of CPU and 13 MB of memory, and the collector of garbage a larger heap to look through.
 */
import { createRequire } from 'node:module';
import type { Pool as PoolClass } from 'undici';

export type Pool = PoolClass;

/** @param load as `require` does; a version of undici that keeps its pool elsewhere is loaded as a whole */
export function loadPool(load: (name: string) => unknown): typeof PoolClass {
  try {
    return load('undici/lib/dispatcher/pool.js') as typeof PoolClass;
  } catch {
    return (load('undici') as { readonly Pool: typeof PoolClass }).Pool;
  }
}

export const Pool = loadPool(createRequire(import.meta.url));
