import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir, uptime } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createUptime } from '../../src/clock.ts';

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'disburse-test-'));
  file = join(folder, 'uptime');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const nearUptimeOfNode = (ms: number): void => expect(Math.abs(ms - uptime() * 1000)).toBeLessThan(60_000);

describe('the uptime of the machine', () => {
  it('is read again from the file of the kernel at each call, so that a suspension is seen by the next one', async () => {
    await writeFile(file, '77238.57 153000.12\n');
    const read = createUptime(file);
    expect(read()).toBe(77_238_570);
    await writeFile(file, '120438.99 153000.12\n');
    expect(read()).toBe(120_438_990);
    await writeFile(file, '5.07 0.12\n');
    expect(read()).toBe(5_070);
  });

  it.each(['', '77238', 'seconds 12\n', '-4.00 12\n', '0.00 0.00\n'])(
    'comes from the runtime when the file has no positive number of seconds, but %j',
    async (text) => {
      await writeFile(file, '7.00 153000.12 and more text\n');
      const read = createUptime(file);
      expect(read()).toBe(7_000);
      await writeFile(file, text);
      nearUptimeOfNode(read());
      nearUptimeOfNode(read());
    },
  );

  it('comes from the runtime where there is no such file', () => {
    const read = createUptime(join(folder, 'none'));
    nearUptimeOfNode(read());
    nearUptimeOfNode(read());
  });

  it('is the same from the kernel and from the runtime, but for the moment between', () => {
    nearUptimeOfNode(createUptime()());
  });
});
