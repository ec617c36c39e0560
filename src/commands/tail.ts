import { once } from 'node:events';
import type { AlertEvent } from '../../batches/record/alert-event.ts';
import type { ResultEvent } from '../../batches/record/result-event.ts';
import type { Status } from '../../batches/record/status.ts';
import type { Config } from '../config/config.ts';
import { CommandError, exitCodes, type ExitCode } from '../exit.ts';
import { LedgerIncompleteError } from '../ledger/errors.ts';
import { openLedgerReader, readAlerts, readEvents } from '../profiles/open-profile.ts';
import type { EventReading } from '../profiles/profile.ts';
import { alertLine, eventLine } from '../terminal/event-line.ts';
import { paintFor, type Paint } from '../terminal/format.ts';
import { chooseBatch } from '../views/find-batch.ts';
import { interruptible } from './interruptible.ts';

/**
 * @property from a number: milliseconds since the epoch
 * @property last only the newest so many of those that the event source has at the start
 * @property batch as a person names it
 */
interface TailOptions {
  readonly follow: boolean;
  readonly from: 'beginning' | 'now' | number;
  readonly last?: number;
  readonly status?: readonly Status[];
  readonly batch?: string;
  readonly record?: string;
  readonly final: boolean;
  readonly alerts?: boolean;
  readonly json: boolean;
}

/** What is read, selected and printed. */
interface Feed<Event> {
  readonly read: (config: Config, reading: EventReading) => AsyncIterable<Event>;
  readonly matches: (event: Event, batchId: string | undefined) => boolean;
  readonly line: (event: Event, paint: Paint) => string;
}

/**
 * Prints the result events of the results file or topic, or alerts, and with `--follow` new ones until it is interrupted. Exit 2
 * when something was skipped that is no event this version reads.
 */
export async function tail(config: Config, options: TailOptions): Promise<ExitCode> {
  const { status, record, final, alerts = false } = options;
  if (alerts && (status !== undefined || final))
    throw new CommandError(
      exitCodes.usage,
      `${final ? '--final' : '--status'} selects results, and --alerts prints none: omit one of them.`,
    );
  const isOfRecord = (event: { readonly record_id?: string | undefined }) => record === undefined || event.record_id === record;
  const isOfBatch = (event: { readonly batch_id?: string | undefined }, id: string | undefined) =>
    id === undefined || event.batch_id === id;
  const isLate = (event: { readonly occurred_at: string }) =>
    typeof options.from !== 'number' || Date.parse(event.occurred_at) >= options.from;
  if (alerts)
    return printFeed<AlertEvent>(config, options, {
      read: readAlerts,
      matches: (event, batchId) => isOfRecord(event) && isOfBatch(event, batchId) && isLate(event),
      line: alertLine,
    });
  return printFeed<ResultEvent>(config, options, {
    read: readEvents,
    matches: (event, batchId) =>
      (status === undefined || status.includes(event.status)) &&
      isOfBatch(event, batchId) &&
      isOfRecord(event) &&
      (!final || event.final) &&
      isLate(event),
    line: eventLine,
  });
}

async function printFeed<Event>(config: Config, options: TailOptions, feed: Feed<Event>): Promise<ExitCode> {
  const { follow, from, last, json } = options;
  const warn = (message: string): void => void process.stderr.write(`disburse: ${message}\n`);
  const batchId = await batchIdOf(config, options, warn);
  const interrupt = interruptible();
  const paint = paintFor(process.stdout, process.env);
  let skipped = 0;
  const newest: Event[] = [];
  let isHolding = last !== undefined;
  const print = (event: Event): boolean => process.stdout.write(`${json ? JSON.stringify(event) : feed.line(event, paint)}\n`);
  const release = (): void => {
    isHolding = false;
    for (const event of newest.splice(0)) print(event);
  };
  const onSkipped = (message: string): void => {
    skipped += 1;
    warn(message);
  };
  try {
    const reading = { follow, from, signal: interrupt.signal, onWarning: warn, onSkipped, ...(isHolding ? { onCaughtUp: release } : {}) };
    for await (const event of feed.read(config, reading)) {
      if (!feed.matches(event, batchId)) continue;
      if (isHolding) {
        newest.push(event);
        if (newest.length > (last ?? 0)) newest.shift();
      } else if (!print(event)) await once(process.stdout, 'drain', { signal: interrupt.signal });
    }
    release();
  } catch (cause) {
    // After an interrupt an error only says that reading was interrupted.
    if (!interrupt.signal.aborted) throw cause;
  } finally {
    interrupt.release();
  }
  const what = options.alerts === true ? 'alerts' : 'results';
  if (skipped > 0) warn(`${skipped} skipped and not shown above: they may be ${what} of a newer version.`);
  return skipped > 0 ? exitCodes.needsAttention : exitCodes.ok;
}

/**
 * A missing ledger is an error, unless events are to be followed that may come later. Results whose ledger is lost are read all
 * the same.
 */
async function batchIdOf(config: Config, { follow, batch }: TailOptions, warn: (message: string) => void): Promise<string | undefined> {
  if (batch === undefined && (follow || config.servers !== null)) return undefined;
  const reader = await openLedgerReader(config, warn).catch((cause: unknown) => {
    if (batch !== undefined || !(cause instanceof LedgerIncompleteError)) throw cause;
    warn(`warning: ${cause.message}`);
    return undefined;
  });
  if (reader === undefined) return undefined;
  const { ledger, close } = reader;
  try {
    return batch === undefined ? undefined : (await chooseBatch(ledger, batch)).batchId;
  } finally {
    await close();
  }
}
