/** Writes a ledger into a file, and makes a ledger of such a file: what both profiles share of it. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { createTallyShifts, newestResult, withoutSender } from '../../batches/pipeline/move-ledger.ts';
import type { OutboxEntry, ResultSink } from '../../batches/ports/result-sink.ts';
import type { ResultEvent } from '../../batches/record/result-event.ts';
import type { TransitionSettings } from '../../batches/record/resend-rules.ts';
import { CommandError, exitCodes } from '../exit.ts';
import { isSameBinding, LedgerBindingError, type Binding, type LedgerName } from '../ledger/errors.ts';
import { whyNotLive, type LedgerState } from '../ledger/may-pay.ts';
import type { MovedItem, MoveSource, MoveTarget } from '../ledger/moved-items.ts';
import type { MovedSummary } from '../ledger/sealed-chunks.ts';
import { openSealedFile, writeSealedFile } from '../ledger/sealed-file.ts';

/** An import as a profile opens it. */
export interface OpenTarget {
  readonly target: MoveTarget;
  readonly sink: ResultSink;
  /** What results carry of the ledger that publishes them; null for nothing. */
  readonly ledgerMark: string | null;
  close(): Promise<void>;
}

export type LedgerItem = Extract<MovedItem, { type: 'ledger' }>;

/** What a command that only reads says of a ledger that nothing is paid from. */
export function warnUnlessLive(name: LedgerName, found: LedgerState, onWarning: (message: string) => void): void {
  const refusal = whyNotLive(name, found);
  if (refusal !== null) onWarning(`warning: ${refusal.message}`);
}

/** @throws {CommandError} exit 1: the file exists, before anything is opened or changed */
export function assertNoFile(path: string): void {
  if (existsSync(path)) throw new CommandError(exitCodes.usage, `${path} exists: an export replaces no file. Name another one.`);
}

export interface ExportParams {
  readonly source: MoveSource;
  readonly path: string;
  readonly ledgerKey: Buffer;
  /** 32 random bytes, used for nothing else. */
  readonly salt: Buffer;
}

/** The source is moved, durably, before the file is complete. */
export async function exportLedger({ source, path, ledgerKey, salt }: ExportParams): Promise<MovedSummary> {
  try {
    return await writeSealedFile({
      path,
      exportId: source.exportId,
      salt,
      ledgerKey,
      items: source.items(),
      beforeEnd: () => source.markMoved(resolve(path)),
    });
  } finally {
    await source.close();
  }
}

export interface ImportParams {
  readonly path: string;
  readonly ledgerKey: Buffer;
  readonly binding: Binding;
  readonly settings: TransitionSettings;
  readonly open: (ledger: LedgerItem) => Promise<OpenTarget>;
  /** The person who imports. */
  readonly by: string;
  readonly now: () => number;
  readonly signal: AbortSignal;
  readonly onWarning: (message: string) => void;
}

export interface Imported extends MovedSummary {
  readonly into: string;
}

/** Items that are written at once, and results that are published at once. */
const groupSize = 256;

/**
 * Whole file first: nothing is opened or changed for one that is not as it was written. The newest result of each record is
 * published, acknowledged, before the ledger is live.
 */
export async function importLedger(params: ImportParams): Promise<Imported> {
  const { path, ledgerKey, binding } = params;
  const file = openSealedFile(path, ledgerKey);
  const summary = await file.verify();
  const [first] = file.items();
  if (first?.type !== 'ledger') throw new CommandError(exitCodes.usage, `${path} does not say whose ledger it is: nothing is imported.`);
  if (!isSameBinding(first.binding, binding))
    throw new LedgerBindingError({ text: `the ledger in ${path}`, setting: 'DATA_DIR' }, first.binding, binding);
  const opened = await params.open(first);
  try {
    await writeAll(params, opened, { items: file.items(), tallies: summary.tallies });
  } finally {
    await opened.close();
  }
  try {
    file.markImported(opened.target.name, new Date(params.now()).toISOString());
  } catch (cause) {
    params.onWarning(
      `${path} cannot be marked as imported (${(cause as Error).message}). Delete it and every copy: a second ledger that is made from it would pay the same again.`,
    );
  }
  return { ...summary, into: opened.target.name };
}

interface FileContent extends Pick<MovedSummary, 'tallies'> {
  readonly items: Iterable<MovedItem>;
}

async function writeAll(params: ImportParams, { target, sink, ledgerMark }: OpenTarget, { items, tallies }: FileContent): Promise<void> {
  const { settings, by, now, signal } = params;
  const shifts = createTallyShifts();
  const arrival = createArrival(settings, shifts);
  let published: string | null = null;
  let pause: Extract<MovedItem, { type: 'pause' }>['pause'] | undefined;
  let number = 0;
  let group: { item: MovedItem; event: ResultEvent | undefined }[] = [];
  const write = async (): Promise<void> => {
    if (signal.aborted)
      throw new CommandError(exitCodes.stopped, 'stopped. Nothing is paid from the ledger until its import has ended: run it again.');
    await target.write(group.map(({ item }) => item));
    const entries = group.flatMap(({ event }) => (event === undefined ? [] : [entryOf(event, (number += 1), ledgerMark)]));
    if (entries.length > 0) published = (await sink.publish(entries)).mark;
    group = [];
  };
  for (const found of items) {
    // What counts a batch is written when everything that it counts is there.
    if (group.length >= groupSize || (found.type === 'tallies' && group.some(({ item }) => item.type !== 'tallies'))) await write();
    if (found.type === 'pause' && found.pause.batchId === null) pause = found.pause;
    else group.push(arrival(found, now()));
  }
  await write();
  const reason =
    pause === undefined ? null : `before, ${pause.by} had paused everything${pause.reason === null ? '' : `: ${pause.reason}`}`;
  await target.finish({
    published,
    pause: { code: 'moved', by, reason, at: now() },
    tallies: shifts.applyTo(tallies),
  });
}

/** So many unpublished events are remembered, so that none of them is published twice. */
const maxKnownEvents = 32_768;

/** An item as it is written here, and the event to publish with it. */
function createArrival(settings: TransitionSettings, shifts: ReturnType<typeof createTallyShifts>) {
  const published = new Set<string>();
  return (item: MovedItem, at: number): { readonly item: MovedItem; readonly event: ResultEvent | undefined } => {
    switch (item.type) {
      case 'record': {
        const { record, audit } = withoutSender(settings, item.record, at);
        shifts.note(item.record, record);
        const changedAt = record.status === item.record.status ? item.changedAt : at;
        const newest = newestResult(settings, record, changedAt ?? at);
        const event = newest !== undefined && published.has(newest.event_id) ? undefined : newest;
        return { item: { ...item, record, changedAt, trail: [...item.trail, ...audit] }, event };
      }
      case 'tallies':
        return { item: { ...item, rows: shifts.applyTo(item.rows, item.batchId) }, event: undefined };
      case 'event':
        if (published.size < maxKnownEvents) published.add(item.eventId);
        return { item, event: JSON.parse(item.json) as ResultEvent };
      default:
        return { item, event: undefined };
    }
  };
}

function entryOf(event: ResultEvent, number: number, ledgerMark: string | null): OutboxEntry {
  const { ledger_mark: _former, ...rest } = event;
  const json = JSON.stringify(ledgerMark === null ? rest : { ...rest, ledger_mark: ledgerMark });
  return { number, eventId: event.event_id, json };
}
