import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Ledger } from '../../../../batches/ports/ledger.ts';
import { isBalanced } from '../../../../batches/record/tally.ts';
import { openReader } from '../../../../src/ledger/sqlite/reader.ts';
import { batchA } from '../../../support/builders.ts';
import { admitted } from '../../../support/ledger-steps.ts';
import { makeDir, openIn, removeDir } from '../data-dir.ts';

const script = join(import.meta.dirname, 'writer.script.ts');

let dir: string;
beforeEach(() => {
  dir = makeDir();
});
afterEach(() => {
  removeDir(dir);
});

interface Ended {
  /** The highest version of each record that was told to be durable. */
  readonly acknowledged: ReadonlyMap<string, number>;
  readonly stderr: string;
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Runs the writer, and kills it with -9 as soon as it has told so many lines. */
async function runWriter(command: string, args: readonly string[], killAfterLines = Number.POSITIVE_INFINITY): Promise<Ended> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  let lines = 0;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    lines += text.split('\n').length - 1;
    if (lines >= killAfterLines) child.kill('SIGKILL');
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [exitCode, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  const acknowledged = new Map<string, number>();
  // What comes after the last line break was cut off by the kill.
  for (const line of stdout.slice(0, stdout.lastIndexOf('\n') + 1).split('\n')) {
    const [recordId, version] = line.split(' ');
    if (recordId !== undefined && version !== undefined)
      acknowledged.set(recordId, Math.max(acknowledged.get(recordId) ?? 0, Number(version)));
  }
  return { acknowledged, stderr, exitCode, signal };
}

/** Everything that was told is there, and what is there belongs together. */
async function checkSound(ledger: Ledger, acknowledged: ReadonlyMap<string, number>): Promise<number> {
  const lost: string[] = [];
  for (const [recordId, version] of acknowledged) {
    const record = await ledger.record(recordId);
    if (record === undefined || record.version < version) lost.push(`${recordId} ${version} is ${record?.version ?? 'gone'}`);
  }
  expect(lost).toEqual([]);

  const tallies = await ledger.tallies(batchA);
  expect(isBalanced(tallies)).toBe(true);
  const countOf = (status: string): number => tallies.find((row) => row.status === status)?.count ?? 0;
  expect(await ledger.outbox({ limit: 1_000_000 })).toHaveLength(countOf('succeeded'));
  expect((await ledger.batch(batchA))?.sent).toBe(countOf('submitting') + countOf('succeeded'));
  for (const status of ['queued', 'submitting', 'succeeded'] as const) {
    const listed = await ledger.list({ batchId: batchA, status, limit: 1_000_000 });
    expect(listed).toHaveLength(countOf(status));
    const bodies = await Promise.all(listed.slice(0, 100).map(({ record }) => ledger.body(record.recordId)));
    const expected = status === 'submitting' ? 700 : undefined;
    expect(bodies.every((body) => body?.length === expected)).toBe(true);
  }
  return countOf('received');
}

describe('kill -9', () => {
  it('loses nothing that was acknowledged, killed at any instant, time after time', async () => {
    const acknowledged = new Map<string, number>();
    let line = 2;
    for (let kill = 1; kill <= 10; kill += 1) {
      const ended = await runWriter(process.execPath, [script, dir, String(line)], 1 + ((kill * 379) % 1_500));
      expect(ended).toMatchObject({ signal: 'SIGKILL', stderr: '' });
      for (const [recordId, version] of ended.acknowledged) acknowledged.set(recordId, version);
      // Somebody who only looks comes first, and finds the log of the dead process.
      const reader = await openReader(dir);
      expect(isBalanced(await reader.tallies())).toBe(true);
      await reader.close();
      // The lock went with its holder.
      const ledger = await openIn(dir);
      const received = await checkSound(ledger, acknowledged);
      await ledger.close();
      line = received + 100 * (kill + 1);
    }
    expect(acknowledged.size).toBeGreaterThan(1_000);
  });
});

describe('a full disk', () => {
  it('is reported with what to do, promises nothing of the group, and leaves a sound ledger', async () => {
    // A limit on the size of every file, in blocks of 512 bytes, does to the ledger what a full disk does.
    const ended = await runWriter('/bin/sh', ['-c', 'ulimit -f 2000; exec "$@"', 'sh', process.execPath, script, dir, '2']);
    expect(ended.exitCode).toBe(3);
    expect(JSON.parse(ended.stderr)).toEqual({
      code: 'ledger_write',
      message: expect.stringMatching(/ledger\.sqlite could not be written \(.+\)\. The disk .*full.* run again\.$/) as string,
      later: 'ledger_write',
    });
    expect(ended.acknowledged.size).toBeGreaterThan(50);

    const ledger = await openIn(dir);
    await checkSound(ledger, ended.acknowledged);
    expect(await admitted(ledger, 'after', 1_000_000)).toMatchObject({ status: 'queued' });
    await ledger.close();
  });
});
