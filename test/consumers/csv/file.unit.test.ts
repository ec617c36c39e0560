import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFileSync, createWriteStream, mkdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { blockBytes, FileChangedError } from '../../../consumers/csv/file.ts';
import { readCsv } from '../../../consumers/csv/read-csv.ts';
import type { CsvRow } from '../../../consumers/csv/rows.ts';
import { brokenPath, fileOf, pathOf, readPath, told } from './reading.ts';

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Three blocks and a bit, rows of a fixed length so that it is known which block they lie in. */
const largeFile = (): string => {
  const row = (index: number): string => `${String(index).padStart(30, '0')},b\n`;
  return fileOf(`a,b\n${Array.from({ length: Math.ceil((3.2 * blockBytes) / 33) }, (_, index) => row(index)).join('')}`);
};

async function changedAfter(
  path: string,
  expected: { sha256: string; blockDigests: readonly string[] },
): Promise<{ error: unknown; rows: CsvRow[] }> {
  const rows: CsvRow[] = [];
  try {
    const csv = await readCsv(path, { expected });
    for await (const block of csv.blocks) rows.push(...block);
  } catch (error) {
    return { error, rows };
  }
  return { error: undefined, rows };
}

describe('a file that cannot be opened is named', () => {
  it('missing, a directory, empty, unreadable', async () => {
    expect(told(await brokenPath(pathOf('none.csv')))).toEqual([[1, 'file_missing']]);
    const folder = pathOf('folder');
    mkdirSync(folder);
    expect(told(await brokenPath(folder))).toEqual([[1, 'file_is_directory']]);
    expect(told(await brokenPath(fileOf('')))).toEqual([[1, 'file_empty']]);
    const loop = pathOf('loop.csv');
    symlinkSync(loop, loop);
    expect(told(await brokenPath(loop))).toEqual([[1, 'file_unreadable']]);
  });
});

describe('the digest of a file', () => {
  it('is the SHA-256 of the bytes on disk, with one chained digest for each MiB started', async () => {
    const path = largeFile();
    const bytes = readFileSync(path);
    const { ending, csv, rows } = await readPath(path);
    expect(csv.rereadable).toBe(true);
    expect(ending.sha256).toBe(sha256(bytes));
    expect(ending.bytes).toBe(bytes.length);
    expect(ending.blockDigests).toEqual([1, 2, 3, 4].map((blocks) => sha256(bytes.subarray(0, blocks * blockBytes))));
    expect(ending.lines).toBe(rows.length + 1);
  });

  it('is not available before the end of the file', async () => {
    const csv = await readCsv(largeFile());
    expect(() => csv.finished()).toThrow('not read to its end');
    await csv.close();
    await csv.close();
  });

  it('is also reported for a broken file', async () => {
    const path = largeFile();
    appendFileSync(path, 'x"y,z\nmore,rows\n');
    const bytes = readFileSync(path);
    const error = await brokenPath(path);
    expect(error.facts).toEqual({ sha256: sha256(bytes), bytes: bytes.length, encoding: 'utf-8', delimiter: ',' });
  });
});

describe('a second reading', () => {
  it('succeeds when the file has not changed', async () => {
    const path = largeFile();
    const first = await readPath(path);
    const second = await readPath(path, { expected: first.ending });
    expect(second.rows).toEqual(first.rows);
  });

  it('returns no row of a block that has changed', async () => {
    const path = largeFile();
    const { ending } = await readPath(path);
    const bytes = readFileSync(path);
    bytes[2 * blockBytes + 5] = 0x39;
    writeFileSync(path, bytes);
    const { error, rows } = await changedAfter(path, ending);
    expect(error).toBeInstanceOf(FileChangedError);
    expect(String(error)).toContain(`from ${2 * blockBytes} on`);
    expect(rows.length).toBeGreaterThan(blockBytes / 33);
    expect(4 + rows.length * 33).toBeLessThanOrEqual(2 * blockBytes);
  });

  it('refuses the very first block before the header is reported', async () => {
    const path = fileOf('a,b\n1,2\n');
    const { ending } = await readPath(path);
    writeFileSync(path, 'a,b\n1,3\n');
    await expect(readCsv(path, { expected: ending })).rejects.toThrow(FileChangedError);
  });

  it.each([
    ['longer within its last block', (path: string) => appendFileSync(path, 'x,y\n'), 'differ'],
    ['shorter within its last block', (path: string, size: number) => truncateSync(path, size - 33), 'differ'],
    ['shorter by whole blocks', (path: string) => truncateSync(path, 2 * blockBytes), 'shorter'],
  ])('detects that the file is %s', async (_, change, message) => {
    const path = largeFile();
    const { ending } = await readPath(path);
    change(path, ending.bytes);
    const { error } = await changedAfter(path, ending);
    expect(error).toBeInstanceOf(FileChangedError);
    expect(String(error)).toContain(message);
  });

  it('notices that it is longer by a block, and never hands out a row cut off at the end', async () => {
    const path = fileOf(`a,b\n${'1234567,'.padEnd(15, 'x')}\n`.padEnd(blockBytes, '\n'));
    const { ending } = await readPath(path);
    expect(ending.blockDigests).toHaveLength(1);
    appendFileSync(path, '1,2\n');
    const longer = await changedAfter(path, ending);
    expect(String(longer.error)).toContain('longer');
    expect(longer.rows).toHaveLength(1);

    const large = largeFile();
    const whole = await readPath(large);
    truncateSync(large, blockBytes);
    const shorter = await changedAfter(large, whole.ending);
    expect(String(shorter.error)).toContain('shorter');
    expect(shorter.rows.every((row, index) => row.cells[0] === whole.rows[index]?.cells[0] && row.cells[1] === 'b')).toBe(true);
  });
});

describe('a pipe', () => {
  it('is read once, in chunks of any size', async () => {
    const path = pathOf('pipe');
    execFileSync('sh', ['-c', 'mkfifo "$0"', path]);
    const writer = createWriteStream(path);
    const reading = readPath(path);
    for (const piece of ['a,', 'b\n1,', '2\n"3', '",4']) {
      await new Promise((resolve) => writer.write(piece, resolve));
    }
    writer.end();
    const { csv, rows, ending } = await reading;
    expect(csv.rereadable).toBe(false);
    expect(rows.map((row) => row.cells)).toEqual([
      ['1', '2'],
      ['3', '4'],
    ]);
    expect(ending.sha256).toBe(sha256(Buffer.from('a,b\n1,2\n"3",4')));
  });
});

describe('a signal', () => {
  it('stops before the first byte and between blocks, with its reason', async () => {
    const reason = new Error('enough');
    await expect(readCsv(largeFile(), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    const csv = await readCsv(largeFile(), { signal: controller.signal });
    let rows = 0;
    const reading = (async () => {
      for await (const block of csv.blocks) {
        rows += block.length;
        controller.abort(reason);
      }
    })();
    await expect(reading).rejects.toBe(reason);
    expect(rows).toBeLessThan((1.1 * blockBytes) / 33);
  });
});
