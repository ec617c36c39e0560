/** Moves a SQLite ledger from one folder to another, as the commands do it. */
import { join } from 'node:path';
import type { Ledger } from '../../../batches/ports/ledger.ts';
import { admitOne } from '../../../batches/ports/single.ts';
import type { ResultSink } from '../../../batches/ports/result-sink.ts';
import type { ResultEvent } from '../../../batches/record/result-event.ts';
import { openSqliteSource } from '../../../src/ledger/sqlite/export.ts';
import { openSqliteTarget } from '../../../src/ledger/sqlite/import.ts';
import type { MoveSource, MoveTarget } from '../../../src/ledger/moved-items.ts';
import { exportLedger, importLedger, type LedgerItem, type OpenTarget } from '../../../src/profiles/move-ledger.ts';
import {
  admission,
  at,
  batchA,
  batchB,
  instructionOf,
  lineOf,
  manifest,
  refused,
  transitionSettings,
  valid,
} from '../../support/builders.ts';
import { admitted, moved, recordIn, step } from '../../support/ledger-steps.ts';
import { binding, ledgerKey } from './data-dir.ts';

const clock = { now: () => at };

export const sourceIn = (dir: string): Promise<MoveSource> =>
  openSqliteSource({ dir, ledgerKey, clock, host: 'here', findUnknown: () => Promise.resolve(null), exportId: `export-of-${dir}` });

export const targetIn = (dir: string): Promise<MoveTarget> =>
  openSqliteTarget({ dir, binding, ledgerKey, clock, host: 'there', mayCreate: true });

/** Keeps what is published. */
function collecting() {
  const events: ResultEvent[] = [];
  const sink: ResultSink = {
    async publish(entries) {
      events.push(...entries.map(({ json }) => JSON.parse(json) as ResultEvent));
      return { mark: null };
    },
    close: () => Promise.resolve(),
  };
  return { events, sink };
}

/** Imports the file, and answers what was published. */
export async function importedFrom(
  path: string,
  open: (sink: ResultSink, ledger: LedgerItem) => Promise<OpenTarget>,
): Promise<readonly ResultEvent[]> {
  const { events, sink } = collecting();
  await importLedger({
    path,
    ledgerKey,
    binding,
    settings: transitionSettings,
    open: (ledger) => open(sink, ledger),
    by: 'carol',
    now: () => at,
    signal: new AbortController().signal,
    onWarning: (message) => {
      throw new Error(message);
    },
  });
  return events;
}

export const createSqliteTarget = (dir: string, path: string): Promise<readonly ResultEvent[]> =>
  importedFrom(path, async (sink) => {
    const target = await targetIn(dir);
    return { target, sink, ledgerMark: null, close: () => target.close() };
  });

export async function exportedFrom(source: MoveSource, path: string): Promise<string> {
  await exportLedger({ source, path, ledgerKey, salt: Buffer.alloc(32, 1) });
  return path;
}

export async function movedInto(from: string, to: string): Promise<readonly ResultEvent[]> {
  return createSqliteTarget(to, await exportedFrom(await sourceIn(from), join(from, 'moved.ledger')));
}

export const admit = (ledger: Ledger, line: number, content: Parameters<typeof admission>[1]) =>
  admitOne(ledger, admission(lineOf(batchA, line), content));

/** One record in each status, and one occurrence of each kind that has none. */
export async function fill(ledger: Ledger): Promise<void> {
  await ledger.openBatch({ ...manifest(batchA), at });
  await ledger.openBatch({ ...manifest(batchB), at });
  const statuses = ['queued', 'submitting', 'in_progress', 'unknown', 'succeeded', 'failed', 'cancelled'] as const;
  for (const [index, status] of statuses.entries()) await recordIn(ledger, status, `r-${status}`, index + 2);
  const open = await ledger.record('r-unknown');
  if (open !== undefined) await moved(ledger, step(open, { leaseOwner: null, leaseUntil: null }));
  const parked = await admitted(ledger, 'r-parked', 20);
  const reason = { code: 'paused', description: 'paused by alice' };
  await moved(ledger, step(parked, { reason, dueAt: at + 5 }, { body: { keep: Buffer.from('{"the":"body"}') } }));
  await admit(ledger, 30, refused());
  await admit(ledger, 31, refused({ recordId: 'r-free' }));
  await admit(ledger, 32, valid(instructionOf('r-succeeded')));
  await admit(ledger, 33, valid(instructionOf('r-succeeded', { amountMinor: 77n }), 'other'));
  await admitted(ledger, 'r-free', 34);
  await ledger.setPause({ batchId: batchB, pause: { code: 'cancelled', by: 'bob', reason: 'wrong file', at } });
  await ledger.updateBatch({ batchId: batchA, state: 'waiting', at });
}

/** Those that are the same after a move. */
export const everyRecord = ['queued', 'in_progress', 'unknown', 'succeeded', 'failed', 'cancelled', 'parked', 'free'].map(
  (name) => `r-${name}`,
);
