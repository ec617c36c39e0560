import { spawnSync } from 'node:child_process';
import { Pool as PoolOfPackage } from 'undici';
import { describe, expect, it } from 'vitest';
import { loadPool, Pool } from '../../producers/undici-pool.ts';

describe("undici's pool", () => {
  it('is that of the package', () => {
    expect(Pool.name).toBe(PoolOfPackage.name);
    expect(Object.getOwnPropertyNames(Pool.prototype)).toEqual(Object.getOwnPropertyNames(PoolOfPackage.prototype));
  });

  it('comes from the package as a whole when a version of it has no such file', () => {
    const load = (name: string): unknown => {
      if (name !== 'undici') throw new Error(`Cannot find module '${name}'`);
      return { Pool: PoolOfPackage };
    };
    expect(loadPool(load)).toBe(PoolOfPackage);
  });

  it("is all that a process loads of undici and of Node's own fetch for the gateway and a server that does not listen", () => {
    const script = `
      await import('./producers/gateway.ts');
      await import('./src/service/http/listen.ts');
      const { createRequire } = await import('node:module');
      const files = Object.keys(createRequire(import.meta.url).cache).filter((file) => /undici/.test(file));
      const own = process.moduleLoadList.filter((name) => name.includes('undici'));
      console.log(JSON.stringify({ pool: files.some((file) => file.endsWith('pool.js')), rest: files.filter((file) => /index\\.js|fetch|mock|cache/.test(file)), own }));`;
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8' });
    expect(stdout, stderr).not.toBe('');
    expect(JSON.parse(stdout)).toEqual({ pool: true, rest: [], own: [] });
  });
});
