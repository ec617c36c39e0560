/** The ledger of the stand-alone profile: one SQLite file, one process that writes it. Here on the thread that calls. */
import type { Ledger } from '../../../batches/ports/ledger.ts';
import { eachOf } from '../each-of.ts';
import { claimLedger, type ClaimParams, type ClaimedLedger } from './claim.ts';
import type { AskedCommand } from './commands.ts';
import { createGroupCommit } from './group-commit.ts';
import { openWriter, type WriterParams } from './writer.ts';

export type SqliteLedgerParams = ClaimParams & WriterParams;

export interface SqliteLedger extends Ledger {
  /** The ledger's time, for schedules: unaffected by steps of the wall clock. Milliseconds since the epoch. */
  now(): number;
  /** What other processes ask of this one; requests and answers are JSON. */
  readonly commands: {
    pending(): Promise<readonly AskedCommand[]>;
    answer(number: number, answer: string): Promise<void>;
  };
}

/**
 * Opens the ledger for the one process that dispatches.
 *
 * @throws LedgerError, see `claimLedger`
 */
export const openSqliteLedger = (params: SqliteLedgerParams): Promise<SqliteLedger> =>
  claimLedger(params, (claimed) => createLedger(params, claimed));

function createLedger(params: SqliteLedgerParams, { file, lock }: ClaimedLedger): SqliteLedger {
  const writer = openWriter(params, file);
  const { steps, time } = writer;
  const groups = createGroupCommit(writer.groups);
  const { pendingCommands, ...reads } = writer.reads;
  return {
    ...reads,
    now: time.now,
    openBatch: (manifest) => groups.run(() => steps.openBatch(manifest)),
    commands: {
      pending: pendingCommands,
      answer: (number, answer) => groups.run(() => steps.answerCommand({ number, answer })),
    },
    setPause: (pause) => groups.run(() => steps.setPause(pause)),
    updateBatch: (change) => groups.run(() => steps.updateBatch(change)),
    admit: (admissions) => eachOf(admissions, (admission) => groups.run(() => steps.admit(admission))),
    advance: (changes) => eachOf(changes, (change) => groups.run(() => steps.advance(change))),
    published: (events) => groups.run(() => steps.published(events)),
    purgeDetails: (purge) => writer.purgeDetails(purge, (work) => groups.run(work)),
    async close() {
      groups.close();
      writer.close();
      lock.release();
    },
  };
}
