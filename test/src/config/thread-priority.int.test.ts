import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { poolNiceness } from '../../../src/config/thread-priority.ts';

/** Niceness by name of thread, of a process that has used its thread pool. */
const program = (call: string): string => `
  import { readFile } from 'node:fs/promises';
  import { readdirSync, readFileSync } from 'node:fs';
  import { getPriority } from 'node:os';
  import { yieldToMainThread } from ${JSON.stringify(import.meta.resolve('../../../src/config/thread-priority.ts'))};
  await readFile('/dev/null');
  ${call}
  const threads = readdirSync('/proc/self/task').map((id) => [
    Number(id) === process.pid ? 'main' : readFileSync('/proc/self/task/' + id + '/comm', 'utf8').trim(),
    getPriority(Number(id)),
  ]);
  console.log(JSON.stringify(threads));`;

async function nicenessAfter(call: string): Promise<{ main: number[]; pool: number[]; others: number[] }> {
  const args = ['--input-type=module', '--eval', program(call)];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env: { ...process.env, UV_THREADPOOL_SIZE: '3' } });
  const threads = JSON.parse(stdout) as [name: string, niceness: number][];
  const of = (which: (name: string) => boolean): number[] => threads.filter(([name]) => which(name)).map(([, niceness]) => niceness);
  const others = of((name) => name !== 'main' && name !== 'libuv-worker');
  return { main: of((name) => name === 'main'), pool: of((name) => name === 'libuv-worker'), others };
}

describe('the priority of the thread pool', () => {
  it('is below that of the main thread, and of the threads of the engine', async () => {
    const before = await nicenessAfter('');
    const after = await nicenessAfter('yieldToMainThread();');
    const [own = 0] = before.main;
    expect(before.pool).toEqual([own, own, own]);
    expect(after.main).toEqual([own]);
    const nicer = Math.min(19, own + poolNiceness);
    expect(after.pool).toEqual([nicer, nicer, nicer]);
    expect(new Set(after.others)).toEqual(new Set([own]));
  });

  it('stays where a system shows no threads', async () => {
    const { pool } = await nicenessAfter(`yieldToMainThread('/proc/self/no-such-folder');`);
    expect(new Set(pool).size).toBe(1);
  });
});
