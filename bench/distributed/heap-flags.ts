/**
 * What flags of Node's heap cost and save in `serve`: CPU and memory of one instance that pays events which are there already,
 * one after the other with each set of flags, in rounds.
 *
 *   node bench/distributed/heap-flags.ts [--records 5000] [--rounds 3] [--cli FILE] '--max-semi-space-size=16' …
 */
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { median, table } from '../numbers.ts';
import { makePlace, root } from '../place.ts';
import { startStub } from '../stub-client.ts';
import { instructionMessages } from './events.ts';
import { startInstances } from './instances.ts';
import { newMeeting } from './meeting.ts';
import { startServers } from './servers.ts';
import { fill, makeTopics } from './topics.ts';

const argv = process.argv.slice(2);
// Sets of flags begin with two dashes too.
const known = ['--records', '--rounds', '--cli'];
const own = argv.flatMap((word, index) => (known.includes(word) ? [word, argv[index + 1] ?? ''] : []));
const sets = argv.filter((word, index) => !known.includes(word) && !known.includes(argv[index - 1] ?? ''));
const { values } = parseArgs({
  args: own,
  options: {
    records: { type: 'string', default: '5000' },
    rounds: { type: 'string', default: '3' },
    cli: { type: 'string', default: 'dist/src/cli.js' },
  },
});
const records = Number(values.records);

const place = await makePlace();
const servers = await startServers({ rewrites: false });
const stub = await startStub('succeed');
const measured = new Map<string, { readonly cpuUs: number; readonly peakMib: number; readonly seconds: number }[]>();
/** The command line with other flags in its first line, beside the original, whose modules it imports. */
const withFlags = (flags: string): string => {
  const copy = join(dirname(values.cli), 'cli-other-flags.js');
  copyFileSync(join(root, values.cli), join(root, copy));
  const [, ...rest] = readFileSync(join(root, values.cli), 'utf8').split('\n');
  writeFileSync(join(root, copy), [`#!/usr/bin/env -S MALLOC_ARENA_MAX=2 node ${flags}`, ...rest].join('\n'));
  return copy;
};
try {
  for (let round = 0; round < Number(values.rounds); round += 1)
    for (const flags of round % 2 === 0 ? sets : sets.toReversed()) {
      const bench = { place, cli: withFlags(flags), cores: availableParallelism() };
      const meeting = newMeeting(bench, servers);
      const kafka = servers.kafka();
      const topics = await makeTopics(bench, kafka, meeting);
      await fill(kafka, topics, instructionMessages(records), records);
      await stub.reset();
      const startedAt = performance.now();
      const instances = startInstances(bench, { count: 1, gateway: stub.url, meeting });
      try {
        await instances.during(stub.reached(records));
        const one = {
          cpuUs: (instances.cpuSeconds() * 1e6) / records,
          peakMib: instances.peakMib()[0] ?? 0,
          seconds: (performance.now() - startedAt) / 1000,
        };
        process.stderr.write(`${flags}: ${one.cpuUs.toFixed(0)} µs a record, ${one.peakMib.toFixed(0)} MiB, ${one.seconds.toFixed(1)} s\n`);
        measured.set(flags, [...(measured.get(flags) ?? []), one]);
        await instances.stop();
      } finally {
        await instances.kill();
        await topics.remove();
        await servers.emptyRedis();
      }
    }
  const rows = [...measured].map(([flags, all]) => [
    flags,
    median(all.map(({ cpuUs }) => cpuUs)).toFixed(0),
    median(all.map(({ peakMib }) => peakMib)).toFixed(0),
    median(all.map(({ seconds }) => records / seconds)).toFixed(0),
  ]);
  process.stdout.write(`${table(['flags', 'CPU µs a record', 'peak MiB', 'records/s, start included'], rows)}\n`);
} finally {
  rmSync(join(root, dirname(values.cli), 'cli-other-flags.js'), { force: true });
  await stub.stop();
  await servers.stop();
  await place.remove();
}
