import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { inspect, writeFixFile, type OnReading } from '../../../src/files/payout-file.ts';
import { csvOf, row } from '../../support/builders.ts';

const folder = mkdtempSync(join(tmpdir(), 'disburse-reading-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Seen = Parameters<OnReading>[0];

function write(name: string, content: string | Uint8Array): string {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
}

async function read(path: string) {
  const seen: Seen[] = [];
  const outcome = await inspect({ path, reading: { now: 0 }, expected: null, onProgress: (one) => seen.push(one) });
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.broken.problems));
  return { seen, inspection: outcome.inspection };
}

const large = csvOf(Array.from({ length: 3_000 }, (_, index) => row(`r${index}`, { amount: index === 7 ? 'x' : String(index + 1) })));

describe('progress of a file that is read', () => {
  it.each([
    ['as it is', (text: string) => text, 'plain.csv'],
    ['compressed', (text: string) => gzipSync(text), 'packed.csv.gz'],
  ])('%s rises from block to block, up to all rows and the bytes on disk', async (_, pack, name) => {
    const path = write(name, pack(large));
    const { seen } = await read(path);
    expect(seen.length).toBeGreaterThan(3);
    expect(seen.every(({ reading, fileBytes }) => reading === 'check' && fileBytes === statSync(path).size)).toBe(true);
    expect(seen.map(({ rows }) => rows)).toEqual(seen.map(({ rows }) => rows).toSorted((a, b) => a - b));
    expect(seen.at(-1)).toMatchObject({ rows: 3_000, bytes: statSync(path).size });
  });

  it('a second time to compare rows begins at no rows, and reaches all of them', async () => {
    const twice = `${large}${large.split('\n')[1]}\n`;
    const { seen } = await read(write('twice.csv', twice));
    const compared = seen.filter(({ reading }) => reading === 'compare');
    expect(compared[0]?.rows).toBeLessThan(3_001);
    expect(compared.at(-1)).toMatchObject({ rows: 3_001, bytes: twice.length, fileBytes: twice.length });
  });

  it('for its fix-file is reported too', async () => {
    const { inspection } = await read(write('wrong.csv', large));
    const seen: Seen[] = [];
    expect(await writeFixFile(inspection, join(folder, 'wrong.errors.csv'), { onProgress: (one) => seen.push(one) })).toBe(true);
    expect(seen.at(-1)).toEqual({ reading: 'fix-file', rows: 3_000, bytes: large.length, fileBytes: large.length });
  });
});
