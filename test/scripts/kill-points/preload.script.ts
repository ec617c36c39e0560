/**
 * Loaded before the command line: counts the points at which a process can die, and kills it at the chosen one.
 *
 * `KILL_AT=<point>:<nth>` kills; `KILL_REPORT=<file>` writes how often each point was passed when the process ends.
 */
import { writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { Socket } from 'node:net';
import { DatabaseSync } from 'node:sqlite';
import { threadId } from 'node:worker_threads';

const chosen = process.env['KILL_AT'];
const report = process.env['KILL_REPORT'];
const passed = new Map<string, number>();

function reach(point: string): void {
  const nth = (passed.get(point) ?? 0) + 1;
  passed.set(point, nth);
  if (`${point}:${nth}` === chosen) process.kill(process.pid, 'SIGKILL');
}

/** Whether the next call of `reach` with this point kills. */
const isChosen = (point: string): boolean => `${point}:${(passed.get(point) ?? 0) + 1}` === chosen;

/** Replaces a method of a prototype by one that is given the original. */
function wrap<Args extends unknown[], Result>(
  target: object,
  name: string,
  replace: (this: unknown, original: (...args: Args) => Result, ...args: Args) => Result,
): void {
  const original = Reflect.get(target, name) as (...args: Args) => Result;
  Reflect.set(target, name, function (this: unknown, ...args: Args): Result {
    return replace.call(this, original.bind(this), ...args);
  });
}

const atCommit = <Result>(commit: () => Result): Result => {
  reach('commit-before');
  const result = commit();
  reach('commit-after');
  return result;
};

wrap(DatabaseSync.prototype, 'exec', (original: (sql: string) => void, sql) =>
  sql.trim() === 'COMMIT' ? atCommit(() => original(sql)) : original(sql),
);
wrap(DatabaseSync.prototype, 'prepare', (original: (sql: string, ...rest: unknown[]) => object, sql, ...rest) => {
  const statement = original(sql, ...rest);
  if (sql.trim() === 'COMMIT') wrap(statement, 'run', (run: () => unknown) => atCommit(run));
  return statement;
});

const isResults = (bytes: unknown): bytes is Buffer => Buffer.isBuffer(bytes) && bytes.subarray(0, 12).toString() === '{"event_id":';

const handle = await open(import.meta.filename);
const fileHandle = Object.getPrototypeOf(handle) as object;
await handle.close();
wrap(fileHandle, 'write', async (original: (bytes: unknown, ...rest: unknown[]) => Promise<unknown>, bytes, ...rest) => {
  if (!isResults(bytes)) return original(bytes, ...rest);
  reach('results-before');
  if (isChosen('results-half')) await original(bytes.subarray(0, Math.floor(bytes.length / 2)));
  reach('results-half');
  const written = await original(bytes, ...rest);
  reach('results-after');
  return written;
});
wrap(fileHandle, 'datasync', async (original: () => Promise<void>) => {
  await original();
  reach('datasync-after');
});

/** A request of a Kafka client to write records: its length, and 0 as its key. */
const isProduce = (bytes: unknown): boolean =>
  Buffer.isBuffer(bytes) && bytes.length > 14 && bytes.readInt32BE(0) === bytes.length - 4 && bytes.readInt16BE(4) === 0;

/** What the socket is about to send: undici corks it, writes headers and body, and uncorks it. */
const requests = new WeakMap<object, string>();
wrap(Socket.prototype, 'write', function (original: (chunk: unknown, ...rest: unknown[]) => boolean, chunk, ...rest) {
  const method = typeof chunk === 'string' ? /^POST \/api\/v1\/session\/(\w+)/.exec(chunk)?.[1] : undefined;
  if (method !== undefined) {
    requests.set(this as object, method);
    reach(`${method}-before`);
  } else if (isProduce(chunk)) reach('produce-before');
  return original(chunk, ...rest);
});
wrap(Socket.prototype, 'uncork', function (original: () => void) {
  original();
  const method = requests.get(this as object);
  if (method === undefined) return;
  requests.delete(this as object);
  reach(`${method}-after`);
});

if (report !== undefined)
  process.on('exit', () => writeFileSync(`${report}.${threadId}`, JSON.stringify(Object.fromEntries(passed)), { mode: 0o600 }));
