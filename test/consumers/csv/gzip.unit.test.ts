import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { blockBytes, FileChangedError } from '../../../consumers/csv/file.ts';
import { gunzip, type GzipLimits } from '../../../consumers/csv/gzip.ts';
import { broken, brokenPath, fileOf, read, readPath, told } from './reading.ts';

const rows = (from: number, count: number): string => Array.from({ length: count }, (_, index) => `${from + index},x\n`).join('');
/** Packs badly, so that the packed file has several blocks too. */
const noise = (count: number): string =>
  Array.from({ length: count }, (_, index) => `${createHash('sha256').update(String(index)).digest('base64url')},x\n`).join('');

const members = Buffer.concat([gzipSync(`a,b\n${rows(0, 3)}`), gzipSync(''), gzipSync(rows(3, 2))]);

describe('compressed files', () => {
  it('reads several members, hashing the bytes as they lie on disk', async () => {
    const { rows: found, ending } = await read(members, {}, 'payouts.csv.gz');
    expect(found.map((row) => row.cells[0])).toEqual(['0', '1', '2', '3', '4']);
    expect(found.map((row) => row.line)).toEqual([2, 3, 4, 5, 6]);
    expect(ending.sha256).toBe(createHash('sha256').update(members).digest('hex'));
    expect(ending.bytes).toBe(members.length);
  });

  it('are recognised as gzip by their bytes, whatever their name', async () => {
    expect((await read(members, {}, 'payouts.csv')).rows).toHaveLength(5);
  });

  it('reads one of many blocks, and the same again', async () => {
    const path = fileOf(gzipSync(`a,b\n${noise(60_000)}`), 'large.csv.gz');
    const first = await readPath(path);
    expect(first.rows).toHaveLength(60_000);
    expect(first.ending.blockDigests.length).toBeGreaterThan(1);
    expect((await readPath(path, { expected: first.ending })).rows).toHaveLength(60_000);
    const bytes = readFileSync(path);
    bytes[blockBytes + 100] = (bytes[blockBytes + 100] ?? 0) ^ 1;
    writeFileSync(path, bytes);
    await expect(readPath(path, { expected: first.ending })).rejects.toThrow(FileChangedError);
  });

  it('can have any supported encoding inside', async () => {
    const { csv, rows: found } = await read(gzipSync(Buffer.from('\uFEFFa,b\né,1\n', 'utf16le')));
    expect(csv.encoding).toBe('utf-16le');
    expect(found[0]?.cells).toEqual(['é', '1']);
  });
});

describe('what is wrong with a packed file is named', () => {
  it.each([
    ['cut off in the data', members.subarray(0, 15), 'gzip_truncated'],
    ['cut off in the last check sum', members.subarray(0, -3), 'gzip_truncated'],
    ['cut off in the header of a later member', Buffer.concat([members, gzipSync('x').subarray(0, 5)]), 'gzip_truncated'],
    ['followed by text', Buffer.concat([members, Buffer.from('and some more')]), 'gzip_trailing_garbage'],
    ['followed by zeros', Buffer.concat([members, Buffer.alloc(512)]), 'gzip_trailing_garbage'],
    ['damaged', Buffer.from(members.map((byte, index) => (index === members.length - 6 ? byte ^ 1 : byte))), 'gzip_damaged'],
    ['not packed at all', Buffer.from('a,b\n1,2\n'), 'gzip_fake'],
    ['packed twice', gzipSync(members), 'not_csv'],
  ])('%s', async (_, bytes, code) => {
    expect(told(await broken(bytes, {}, 'payouts.csv.gz'))).toEqual([[1, code]]);
  });

  it('names what a fake really is', async () => {
    const error = await broken(Buffer.from('PK\u0003\u0004 xl/workbook.xml'), {}, 'payouts.csv.gz');
    expect(error.problems[0].message).toContain('.xlsx');
  });

  it('reports the hash of a compressed file that breaks in the middle', async () => {
    const bytes = gzipSync(`a,b\n1,2\nx"y,3\n${noise(60_000)}`);
    const error = await brokenPath(fileOf(bytes, 'large.csv.gz'));
    expect(told(error)).toEqual([[3, 'quote_bare']]);
    expect(error.facts.sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
  });

  it('says that an empty one has no header', async () => {
    expect(told(await broken(gzipSync('')))).toEqual([[1, 'header_missing']]);
  });
});

describe('a reader that stops early', () => {
  it('leaves no open reader of the source', async () => {
    const bytes = gzipSync(`a,b\n${noise(300)}`);
    const reading = Promise.withResolvers<void>();
    const block = Promise.withResolvers<null>();
    const source = {
      readBlock: () => {
        reading.resolve();
        return block.promise;
      },
    };
    const unpacking = gunzip(bytes.subarray(0, -20), source);
    await unpacking.next();
    await reading.promise;
    let isOver = false;
    const over = unpacking.return(undefined).then(() => (isOver = true));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(isOver).toBe(false);
    block.resolve(null);
    await over;
  });
});

describe('bombs', () => {
  const unpack = async (bytes: Buffer, limits: GzipLimits): Promise<number> => {
    let unpacked = 0;
    for await (const chunk of gunzip(bytes, { readBlock: async () => null }, limits)) unpacked += chunk.length;
    return unpacked;
  };
  const size = 4 * 1024 * 1024;
  const zeros = gzipSync(Buffer.alloc(size));

  it('stops at a ratio beyond any payout file, but lets small ones be', async () => {
    await expect(unpack(zeros, { maxRatio: 200, ratioFromBytes: size / 2, maxBytes: 10 * size })).rejects.toMatchObject({
      problems: [{ code: 'gzip_bomb' }],
    });
    await expect(unpack(zeros, { maxRatio: 200, ratioFromBytes: size, maxBytes: 10 * size })).resolves.toBe(size);
  });

  it('stops at the absolute bound whatever the ratio', async () => {
    await expect(unpack(zeros, { maxRatio: 1e9, ratioFromBytes: 0, maxBytes: size - 1 })).rejects.toMatchObject({
      problems: [{ code: 'gzip_bomb' }],
    });
    await expect(unpack(zeros, { maxRatio: 1e9, ratioFromBytes: 0, maxBytes: size })).resolves.toBe(size);
  });
});
