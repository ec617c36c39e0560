import { once } from 'node:events';
import type { ResultEvent } from '../../batches/record/result-event.ts';
import type { Status } from '../../batches/record/status.ts';
import type { Config } from '../config/config.ts';
import { CommandError, exitCodes, type ExitCode } from '../exit.ts';
import { readEvents } from '../profiles/reader.ts';
import { eventLine } from '../terminal/event-line.ts';
import { paintFor } from '../terminal/format.ts';

interface TailOptions {
  readonly follow?: boolean;
  readonly from: string;
  readonly status?: Status;
  readonly batch?: string;
  readonly record?: string;
  readonly final?: boolean;
  readonly json?: boolean;
}

/** Prints the result events of the results file or topic, and with `--follow` new ones until it is interrupted. */
export async function tail(config: Config, options: TailOptions): Promise<ExitCode> {
  const from = readFrom(options.from);
  const interrupt = new AbortController();
  const { signal } = interrupt;
  const stop = (): void => interrupt.abort();
  const interrupts = ['SIGINT', 'SIGTERM'] as const;
  for (const name of interrupts) process.once(name, stop);
  // A closed pipe (| head) is no failure.
  process.stdout.on('error', stop);
  const onWarning = (message: string): void => void process.stderr.write(`disburse: ${message}\n`);
  const paint = paintFor(process.stdout, process.env);
  try {
    for await (const event of readEvents(config, { follow: options.follow === true, from, signal, onWarning })) {
      if (!matches(event, options, from)) continue;
      const line = options.json === true ? JSON.stringify(event) : eventLine(event, paint);
      if (!process.stdout.write(`${line}\n`)) await once(process.stdout, 'drain', { signal });
    }
  } catch (cause) {
    // After an interrupt an error only says that reading was interrupted.
    if (!signal.aborted) throw cause;
  } finally {
    for (const name of interrupts) process.removeListener(name, stop);
  }
  return exitCodes.ok;
}

function readFrom(text: string): 'beginning' | 'now' | number {
  if (text === 'beginning' || text === 'now') return text;
  const time = Date.parse(text);
  if (!Number.isNaN(time)) return time;
  const expected = 'expected beginning, now, or a time such as 2026-11-21T08:00:00Z';
  throw new CommandError(exitCodes.usage, `--from ${JSON.stringify(text)}: ${expected}.`);
}

const isBatch = ({ batch_id: id }: ResultEvent, wanted: string): boolean => id === wanted || (wanted.length >= 6 && id.startsWith(wanted));

const matches = (event: ResultEvent, options: TailOptions, from: ReturnType<typeof readFrom>): boolean =>
  (options.status === undefined || event.status === options.status) &&
  (options.batch === undefined || isBatch(event, options.batch)) &&
  (options.record === undefined || event.record_id === options.record) &&
  (options.final !== true || event.final) &&
  (typeof from !== 'number' || Date.parse(event.occurred_at) >= from);
