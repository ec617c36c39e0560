/** A watcher in a process of its own: `watcher.script.ts DIR OWNER HANDLE_MS TAKE_OVER_MS`. Prints what it handles. */
import { setTimeout as sleep } from 'node:timers/promises';
import { watchDropFolder } from '../../../consumers/drop-folder/watch.ts';
import { monotonicClock } from '../../../src/clock.ts';

const [dir = '', owner = '', handleMs = '0', takeOverMs = '30000'] = process.argv.slice(2);
const stopping = new AbortController();
process.once('SIGTERM', () => stopping.abort());
const folder = watchDropFolder({
  dir,
  owner,
  host: owner,
  pid: process.pid,
  clock: monotonicClock,
  random: Math.random,
  signal: stopping.signal,
  restMs: 20,
  pollMs: 20,
  takeOverMs: Number(takeOverMs),
  refreshMs: Number(takeOverMs) / 6,
  concurrency: 2,
  onWarning: (message) => process.stdout.write(`warning ${message}\n`),
  async handle({ name, write }) {
    process.stdout.write(`handling ${name}\n`);
    await write('ack.json', `{"by":"${owner}"}\n`);
    await sleep(Number(handleMs));
    return 'done';
  },
});
process.stdout.write('started\n');
await folder.running;
