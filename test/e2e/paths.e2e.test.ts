/** Paths that cannot be used: said before anything is done, and never taken for something else. */
import { spawn } from 'node:child_process';
import { chmodSync, linkSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Ended } from '../support/cli.ts';
import { csvOf, payouts, row } from '../support/builders.ts';
import { inWorld } from './world.ts';

const cli = join(import.meta.dirname, '..', '..', 'src', 'cli.ts');

describe('an output that is the input', () => {
  it.each([
    ['validate', '--errors'],
    ['run', '--results'],
  ])('%s %s is refused under every name of the file, which stays as it was', async (command, flag) => {
    await inWorld({}, async (world) => {
      const path = world.write('may.csv', csvOf([...payouts(2), row('bad', { iban: 'x' })]));
      const before = readFileSync(path);
      symlinkSync(path, join(world.folder, 'symbolic.csv'));
      linkSync(path, join(world.folder, 'hard.csv'));
      for (const name of [path, `${world.folder}/./may.csv`, join(world.folder, 'symbolic.csv'), join(world.folder, 'hard.csv')]) {
        const ended = await world.command([command, path, flag, name]);
        expect(ended.code, name).toBe(1);
        expect(ended.stderr).toContain('it is the input itself');
      }
      expect(readFileSync(path)).toEqual(before);
      expect(world.sandbox.payments()).toEqual([]);
    });
  });
});

describe('an output onto a file that disburse needs', () => {
  it('is refused, and the file stays as it was', async () => {
    await inWorld({}, async (world) => {
      const path = world.write('may.csv', csvOf([...payouts(1), row('bad', { iban: 'x' })]));
      await world.run(path);
      const key = world.env['GATEWAY_PRIVATE_KEY_FILE'] ?? '';
      symlinkSync(key, join(world.folder, 'innocent.csv'));
      const own = ['ledger.sqlite', 'ledger.key', 'results.jsonl', 'alerts.jsonl'].map((name) => join(world.dataDir, name));
      for (const output of [key, join(world.folder, 'innocent.csv'), ...own]) {
        const before = readFileSync(output);
        for (const args of [
          ['validate', path, '--errors', output],
          ['run', path, '--results', output],
        ]) {
          const ended = await world.command(args);
          expect(ended.code, output).toBe(1);
          expect(ended.stderr).toMatch(/it is .+, which would be lost/);
        }
        expect(readFileSync(output), output).toEqual(before);
      }
    });
  });
});

describe('a DATA_DIR that cannot be used', () => {
  it.skipIf(process.platform !== 'linux')('where the system makes no folders ends run with exit code 1', async () => {
    await inWorld({}, async (world) => {
      const path = world.write('may.csv', csvOf(payouts(1)));
      const ended = await world.command(['run', path], { DATA_DIR: '/proc/disburse' });
      expect(ended.code).toBe(1);
      expect(ended.stderr).toContain('cannot use DATA_DIR /proc/disburse');
    });
  });

  it.each([
    ['a file', 'occupied'],
    ['below a file', 'occupied/data'],
  ])('%s ends run with exit code 1 and the reason', async (_, name) => {
    await inWorld({}, async (world) => {
      writeFileSync(join(world.folder, 'occupied'), '');
      const path = world.write('may.csv', csvOf(payouts(1)));
      const ended = await world.command(['run', path], { DATA_DIR: join(world.folder, name) });
      expect(ended.code).toBe(1);
      expect(ended.stderr).toContain(`${join(world.folder, 'occupied')} is a file`);
      expect(world.sandbox.payments()).toEqual([]);
    });
  });
});

/** As a user without rights; root has all rights. */
function asOther(args: readonly string[], env: Readonly<Record<string, string>>): Promise<Pick<Ended, 'code' | 'stdout' | 'stderr'>> {
  const isRoot = process.getuid?.() === 0;
  const child = spawn(process.execPath, [cli, ...args], {
    cwd: '/',
    env: { PATH: process.env['PATH'], NO_COLOR: '1', ...env },
    ...(isRoot ? { uid: 65_534, gid: 65_534 } : {}),
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((resolve, reject) => {
    // As root, from a checkout that other users cannot enter, the program cannot be started as one of them.
    child.once('error', (cause) => reject(new Error(`${cli} must be readable by other users when root runs the tests`, { cause })));
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
}

describe('a ledger that this user may not read', () => {
  it.each([['status'], ['records'], ['tail']])('%s says so, and never that there is none', async (command) => {
    await inWorld({}, async (world) => {
      await world.run(world.write('may.csv', csvOf(payouts(1))));
      chmodSync(world.folder, 0o755);
      const isRoot = process.getuid?.() === 0;
      const closed = isRoot ? 0o700 : 0o000;
      chmodSync(world.dataDir, closed);
      const ended = await asOther([command, '--json'], { DATA_DIR: world.dataDir });
      chmodSync(world.dataDir, 0o700);
      expect(ended.code).toBe(3);
      expect(ended.stdout).toBe('');
      expect(ended.stderr).toContain('is not readable by this user');
      expect(ended.stderr).not.toContain('there is no ledger');
    });
  });
});
