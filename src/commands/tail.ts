import { once } from 'node:events';
import type { ResultEvent } from '../../batches/record/result-event.ts';
import type { Status } from '../../batches/record/status.ts';
import type { Config } from '../config/config.ts';
import { exitCodes, type ExitCode } from '../exit.ts';
import { LedgerIncompleteError } from '../ledger/errors.ts';
import { openLedgerReader, readEvents } from '../profiles/open-profile.ts';
import { eventLine } from '../terminal/event-line.ts';
import { paintFor } from '../terminal/format.ts';
import { chooseBatch } from './find-batch.ts';

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
  readonly json: boolean;
}

/**
 * Prints the result events of the results file or topic, and with `--follow` new ones until it is interrupted. Exit 2 when
 * something was skipped that is not a result event this version reads.
 */
export async function tail(config: Config, options: TailOptions): Promise<ExitCode> {
  const { follow, from, last, json } = options;
  const warn = (message: string): void => void process.stderr.write(`disburse: ${message}\n`);
  const batchId = await batchIdOf(config, options, warn);
  const interrupt = interruptible();
  const paint = paintFor(process.stdout, process.env);
  let skipped = 0;
  const newest: ResultEvent[] = [];
  let isHolding = last !== undefined;
  const print = (event: ResultEvent): boolean => process.stdout.write(`${json ? JSON.stringify(event) : eventLine(event, paint)}\n`);
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
    for await (const event of readEvents(config, reading)) {
      if (!matches(event, options, batchId)) continue;
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
  if (skipped > 0) warn(`${skipped} skipped and not shown above: they may be results of a newer version.`);
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

const matches = (event: ResultEvent, { status, record, final, from }: TailOptions, batchId: string | undefined): boolean =>
  (status === undefined || status.includes(event.status)) &&
  (batchId === undefined || event.batch_id === batchId) &&
  (record === undefined || event.record_id === record) &&
  (!final || event.final) &&
  (typeof from !== 'number' || Date.parse(event.occurred_at) >= from);

/** Aborted by SIGINT, SIGTERM, and an output that cannot be written any more. */
function interruptible() {
  const controller = new AbortController();
  const stop = (): void => controller.abort();
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const name of signals) process.once(name, stop);
  process.stdout.once('error', stop);
  return {
    signal: controller.signal,
    release() {
      for (const name of signals) process.removeListener(name, stop);
      process.stdout.removeListener('error', stop);
    },
  };
}
