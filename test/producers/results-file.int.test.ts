import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, chmod, mkdir, mkdtemp, readFile, rename, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openResultsFile, resultsFileError, ResultsFileError } from '../../producers/results-file.ts';
import { outboxEntry, resultSinkSuite } from '../contracts/result-sink.suite.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'disburse-results-'));
  path = join(folder, 'results.jsonl');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const lines = async (): Promise<unknown[]> =>
  (await readFile(path, 'utf8'))
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as unknown);
const numbers = async (): Promise<unknown[]> => (await lines()).map((line) => (line as { number: unknown }).number);
const group = (...ofNumbers: number[]) => ofNumbers.map((number) => outboxEntry(number));
const opened = async (mark: string | null) => {
  const warnings: string[] = [];
  const sink = await openResultsFile({ path, mark, onWarning: (message) => warnings.push(message) });
  return { sink, warnings };
};
const fault = async (run: Promise<unknown>): Promise<ResultsFileError> => {
  const error: unknown = await run.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  if (error instanceof ResultsFileError) return error;
  throw new Error('no ResultsFileError', { cause: error });
};

resultSinkSuite('results file', () =>
  Promise.resolve({ open: (mark) => openResultsFile({ path, mark }), read: lines, close: () => Promise.resolve() }),
);

describe('openResultsFile', () => {
  it('makes the file readable by its owner only, and leaves the mode of one that exists', async () => {
    await (await opened(null)).sink.close();
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    await chmod(path, 0o640);
    await (await opened(null)).sink.close();
    expect((await stat(path)).mode & 0o777).toBe(0o640);
  });

  it('returns the offset after the group as the mark', async () => {
    const { sink } = await opened(null);
    const first = await sink.publish(group(1));
    expect(first.mark).toBe(String((await stat(path)).size));
    const second = await sink.publish(group(2, 3));
    expect(second.mark).toBe(String((await stat(path)).size));
    await sink.close();
  });

  it('an event is one line, whatever blanks its JSON had', async () => {
    const { sink } = await opened(null);
    await sink.publish([{ ...outboxEntry(1), json: '{\n  "number":\r\n 1 }\n' }]);
    await sink.close();
    expect(await readFile(path, 'utf8')).toBe('{   "number":  1 }\n');
  });

  it.each(['{"event_id":"00000000', '{', '\u0000\u0000\u0000', 'x'.repeat(2_000_000)])(
    'cuts off a last line that was written by half (%#)',
    async (half) => {
      const { sink } = await opened(null);
      const { mark } = await sink.publish(group(1));
      await sink.publish(group(2));
      await sink.close();
      await appendFile(path, half);
      const next = await opened(mark);
      expect(next.warnings).toEqual([]);
      await next.sink.publish(group(2, 3));
      await next.sink.close();
      expect(await numbers()).toEqual([1, 2, 3]);
    },
  );

  it('cuts off a half line that follows the mark at once, and one that is all there is', async () => {
    await writeFile(path, '{"event_id":"0000');
    const first = await opened(null);
    const { mark } = await first.sink.publish(group(1));
    await first.sink.close();
    await appendFile(path, '{"ev');
    const second = await opened(mark);
    await second.sink.publish(group(2));
    await second.sink.close();
    expect(await numbers()).toEqual([1, 2]);
  });

  it('keeps complete lines that are not events', async () => {
    await writeFile(path, 'null\nrubbish\n[]\n');
    const { sink } = await opened(null);
    await sink.publish(group(1));
    await sink.close();
    expect(await readFile(path, 'utf8')).toMatch(/^null\nrubbish\n\[\]\n\{.*\}\n$/);
  });

  it.each([
    ['missing', () => rm(path), /^\{[^\n]*\}\n$/, /missing/],
    ['shorter', () => truncate(path, 10), /^\{[^\n]*\}\n$/, /10 bytes/],
    ['another one', () => writeFile(path, `${'z'.repeat(500)}\n`), /^z{500}\n\{[^\n]*\}\n$/, /not the file/],
  ] as const)('a file that is %s: a warning, and results go on at its end', async (_name, change, expected, warning) => {
    const { sink } = await opened(null);
    const { mark } = await sink.publish(group(1, 2));
    await sink.close();
    await change();
    const next = await opened(mark);
    expect(next.warnings).toEqual([expect.stringMatching(warning)]);
    const told = await next.sink.publish(group(3));
    await next.sink.close();
    const text = await readFile(path, 'utf8');
    expect(text).toMatch(expected);
    expect(text).toContain(outboxEntry(3).json);
    expect(told.mark).toBe(String((await stat(path)).size));
  });

  it('a shorter file whose lines were written again does not get them twice', async () => {
    const { sink } = await opened(null);
    const { mark } = await sink.publish(group(1, 2, 3));
    await sink.close();
    await writeFile(path, `${outboxEntry(4).json}\n`);
    const next = await opened(mark);
    await next.sink.publish(group(4, 5));
    await next.sink.close();
    expect(await numbers()).toEqual([4, 5]);
  });

  it('a mark that cannot be read is reported, and no event doubled', async () => {
    const first = await opened(null);
    await first.sink.publish(group(1));
    await first.sink.close();
    const next = await opened('0x10');
    expect(next.warnings).toHaveLength(1);
    await next.sink.publish(group(1, 2));
    await next.sink.close();
    expect(await numbers()).toEqual([1, 2]);
  });

  it('continues in a new file of the same name when the file is moved or truncated while open', async () => {
    const { sink, warnings } = await opened(null);
    await sink.publish(group(1));
    await rename(path, `${path}.1`);
    await sink.publish(group(2));
    expect(await numbers()).toEqual([2]);
    expect(warnings).toEqual([expect.stringMatching(/moved or replaced/)]);
    await truncate(path, 0);
    const { mark } = await sink.publish(group(3));
    expect(await numbers()).toEqual([3]);
    expect(warnings[1]).toMatch(/changed its length/);
    expect(mark).toBe(String((await stat(path)).size));
    await sink.close();
  });

  it('half a line that another program appended while the file is open is ended before the next event', async () => {
    const { sink, warnings } = await opened(null);
    await sink.publish(group(1));
    await appendFile(path, '{"half":');
    const { mark } = await sink.publish(group(2));
    await sink.publish(group(3));
    expect((await readFile(path, 'utf8')).split('\n')).toEqual([
      outboxEntry(1).json,
      '{"half":',
      outboxEntry(2).json,
      outboxEntry(3).json,
      '',
    ]);
    expect(warnings).toEqual([expect.stringMatching(/changed its length/)]);
    expect(Number(mark)).toBeLessThan((await stat(path)).size);
    await sink.close();
  });

  it('a folder, a device and a forbidden place are reported', async () => {
    await mkdir(path);
    expect(await fault(opened(null))).toMatchObject({ code: 'not_a_file' });
    await rm(path, { recursive: true });
    await symlink('/dev/null', path);
    expect(await fault(opened(null))).toMatchObject({ code: 'not_a_file' });
    const absent = await fault(openResultsFile({ path: join(folder, 'no', 'such', 'folder'), mark: null }));
    expect(absent.message).toContain('ENOENT');
  });
});

describe('a full disk', () => {
  it.each([
    ['ENOSPC', 'disk_full'],
    ['EDQUOT', 'disk_full'],
    ['EFBIG', 'file_limit'],
    ['EROFS', 'not_permitted'],
    ['EIO', 'write_failed'],
  ])('%s is reported as %s', (errno, code) => {
    const cause = Object.assign(new Error(`${errno}: it failed`), { code: errno });
    const told = resultsFileError('/data/results.jsonl', cause);
    expect(told).toMatchObject({ code, cause });
    expect(told.message).toContain('/data/results.jsonl');
  });

  // A limit on the size of files makes the kernel take a part of a write and refuse the rest, as a full disk does.
  it('a group that does not fit is taken back whole; what was published stays, and the sink can go on', async () => {
    const script = `
      import { openResultsFile } from ${JSON.stringify(new URL('../../producers/results-file.ts', import.meta.url).href)};
      const entry = (number, size) => ({ number, eventId: String(number), json: JSON.stringify({ event_id: String(number), number, fill: 'x'.repeat(size) }) });
      const sink = await openResultsFile({ path: process.argv[1], mark: null });
      const first = await sink.publish([entry(1, 1000)]);
      const refused = await sink.publish([entry(2, 100), entry(3, 20000), entry(4, 100)]).then(() => 'written', (error) => error.code);
      const last = await sink.publish([entry(5, 1000)]);
      await sink.close();
      console.log(JSON.stringify({ first, refused, last }));
    `;
    const command = `ulimit -f 16; exec "$0" --input-type=module -e "$1" "$2"`;
    const child = spawn('sh', ['-c', command, process.execPath, script, path], { stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    const [code] = (await once(child, 'close')) as [number];
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(JSON.parse(out)).toEqual({ first: { mark: '1038' }, refused: 'file_limit', last: { mark: '2076' } });
    expect(await numbers()).toEqual([1, 5]);
  });
});
