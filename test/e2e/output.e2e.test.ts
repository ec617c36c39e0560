/** An output that cannot be written: every command whose product is its output fails, and a payment is not interrupted. */
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Ended } from '../support/cli.ts';
import { csvOf, payouts, row } from '../support/builders.ts';
import { inWorld, type World } from './world.ts';

const cli = join(import.meta.dirname, '..', '..', 'src', 'cli.ts');

/** With stdout on a full device, or on a pipe whose reader has gone. */
function withOutput(world: World, args: readonly string[], output: 'full' | 'closed'): Promise<Pick<Ended, 'code' | 'stderr'>> {
  const full = output === 'full' ? openSync('/dev/full', 'w') : undefined;
  const child = spawn(process.execPath, [cli, ...args], {
    cwd: world.folder,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], NO_COLOR: '1', ...world.env },
    stdio: ['ignore', full ?? 'pipe', 'pipe'],
  });
  if (full !== undefined) closeSync(full);
  else child.stdout?.destroy();
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, stderr })));
}

describe('with stdout on a full device', () => {
  it.each([['template'], ['schema', 'result'], ['--help']])('%s %s exits with 1 and says why', async (...args) => {
    await inWorld({}, async (world) => {
      const ended = await withOutput(world, args, 'full');
      expect(ended.code).toBe(1);
      expect(ended.stderr).toMatch(/cannot write the output: .*no space left/);
    });
  });

  it('validate, status and tail exit with 1, also where they would exit with 2', async () => {
    await inWorld({}, async (world) => {
      const path = world.write('may.csv', csvOf([...payouts(2), row('bad', { iban: 'x' })]));
      await world.run(path);
      for (const args of [['validate', path, '--json'], ['status'], ['tail', '--json']]) {
        expect(await withOutput(world, args, 'full'), args.join(' ')).toMatchObject({
          code: 1,
          stderr: expect.stringContaining('cannot write the output') as string,
        });
      }
    });
  });

  it('run pays every row, exits with 3 and says why', async () => {
    await inWorld({}, async (world) => {
      const path = world.write('may.csv', csvOf(payouts(3)));
      const ended = await withOutput(world, ['run', path, '--json'], 'full');
      expect(ended.code).toBe(3);
      expect(ended.stderr).toContain('cannot write the output');
      expect(world.sandbox.payments().map(({ entry_status }) => entry_status)).toEqual(['succeeded', 'succeeded', 'succeeded']);
    });
  });
});

describe('with stdout on a closed pipe', () => {
  it.each([['template'], ['schema', 'result']])('%s %s exits with 0 and says nothing', async (...args) => {
    await inWorld({}, async (world) => {
      expect(await withOutput(world, args, 'closed')).toEqual({ code: 0, stderr: '' });
    });
  });

  it('run pays every row and exits with 0', async () => {
    await inWorld({}, async (world) => {
      const ended = await withOutput(world, ['run', world.write('may.csv', csvOf(payouts(2))), '--json'], 'closed');
      expect(ended.code).toBe(0);
      expect(world.sandbox.payments()).toHaveLength(2);
    });
  });
});
