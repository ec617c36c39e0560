import { getEventListeners } from 'node:events';
import { appendFile, mkdtemp, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readResults, type ReadResultsOptions } from '../../producers/results-reader.ts';
import { outboxEntry } from '../contracts/result-sink.suite.ts';
import { patience } from '../support/patience.ts';

let folder: string;
let path: string;
let stop: AbortController;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'disburse-tail-'));
  path = join(folder, 'results.jsonl');
  stop = new AbortController();
});
afterEach(async () => {
  stop.abort();
  await rm(folder, { recursive: true, force: true });
});

const line = (number: number): string => `${outboxEntry(number).json}\n`;

function reading(options: ReadResultsOptions = {}) {
  const seen: unknown[] = [];
  const warnings: string[] = [];
  const done = (async () => {
    for await (const event of readResults(path, { pollMs: 5, signal: stop.signal, onWarning: (text) => warnings.push(text), ...options }))
      seen.push((event as unknown as { number: number }).number);
  })();
  return { seen, warnings, done };
}

/** Between its looks a reader that follows waits for the time or the signal; so it has looked at least once. */
const hasLooked = (): Promise<void> =>
  vi.waitFor(() => expect(getEventListeners(stop.signal, 'abort').length).toBeGreaterThan(0), patience);

describe('readResults', () => {
  it('reads to the end, a half-written last line excepted', async () => {
    await writeFile(path, `${line(1)}${line(2)}${line(3).slice(0, 40)}`);
    const { seen, done } = reading();
    await done;
    expect(seen).toEqual([1, 2]);
  });

  it('returns no events for a missing file', async () => {
    const { seen, done } = reading();
    await done;
    expect(seen).toEqual([]);
  });

  it('reads lines longer than its pieces, and more than one piece of lines', async () => {
    const long = `${outboxEntry(1, { fill: 'ž'.repeat(100_000) }).json}\n`;
    const many = Array.from({ length: 2_000 }, (_, n) => line(n + 2)).join('');
    await writeFile(path, long + many);
    const { seen, done } = reading();
    await done;
    expect(seen).toEqual(Array.from({ length: 2_001 }, (_, n) => n + 1));
  });

  it('reports lines that are not events and continues', async () => {
    await writeFile(path, `${line(1)}rubbish\n{"event_id":1}\n${'x'.repeat(1_100_000)}\n${line(2)}`);
    const { seen, warnings, done } = reading();
    await done;
    expect(seen).toEqual([1, 2]);
    expect(warnings).toHaveLength(3);
  });

  it('follows what is appended, also by halves, until it is stopped', async () => {
    await writeFile(path, line(1));
    const { seen, done } = reading({ follow: true });
    await vi.waitFor(() => expect(seen).toEqual([1]), patience);
    await appendFile(path, line(2).slice(0, 30));
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(seen).toEqual([1]);
    await appendFile(path, line(2).slice(30) + line(3));
    await vi.waitFor(() => expect(seen).toEqual([1, 2, 3]), patience);
    stop.abort();
    await done;
  });

  it('reads the rewritten line when its writer removed and rewrote an incomplete one', async () => {
    await writeFile(path, line(1) + line(9).slice(0, 60));
    const { seen, done } = reading({ follow: true });
    await vi.waitFor(() => expect(seen).toEqual([1]), patience);
    await truncate(path, line(1).length);
    await appendFile(path, line(2));
    await vi.waitFor(() => expect(seen).toEqual([1, 2]), patience);
    stop.abort();
    await done;
  });

  it('waits for a file that does not exist yet', async () => {
    const { seen, done } = reading({ follow: true, from: 'now' });
    await hasLooked();
    await writeFile(path, line(1));
    await vi.waitFor(() => expect(seen).toEqual([1]), patience);
    stop.abort();
    await done;
  });

  it('from now reads only new events', async () => {
    await writeFile(path, line(1) + line(2).slice(0, 20));
    const { seen, done } = reading({ follow: true, from: 'now' });
    await hasLooked();
    await appendFile(path, line(2).slice(20) + line(3));
    await vi.waitFor(() => expect(seen).toEqual([2, 3]), patience);
    stop.abort();
    await done;
  });

  it('continues in a new file of the same name after the end of the old one', async () => {
    await writeFile(path, line(1));
    const { seen, done } = reading({ follow: true });
    await vi.waitFor(() => expect(seen).toEqual([1]), patience);
    await appendFile(path, line(2));
    await rename(path, `${path}.1`);
    await writeFile(path, line(3));
    await vi.waitFor(() => expect(seen).toEqual([1, 2, 3]), patience);
    stop.abort();
    await done;
  });

  it('starts again when the file was truncated', async () => {
    await writeFile(path, line(1) + line(2));
    const { seen, warnings, done } = reading({ follow: true });
    await vi.waitFor(() => expect(seen).toEqual([1, 2]), patience);
    await truncate(path, 0);
    await vi.waitFor(() => expect(warnings).toEqual([expect.stringMatching(/truncated/)]), patience);
    await appendFile(path, line(3));
    await vi.waitFor(() => expect(seen).toEqual([1, 2, 3]), patience);
    stop.abort();
    await done;
  });

  it('ends quietly when it is stopped in the middle', async () => {
    await writeFile(path, line(1) + line(2) + line(3));
    const seen: unknown[] = [];
    for await (const event of readResults(path, { signal: stop.signal })) {
      seen.push(event);
      stop.abort();
    }
    expect(seen).toHaveLength(1);
  });
});
