/** The parts of the ledger that a group of writes works on. */
import type { DatabaseSync } from 'node:sqlite';
import { createAuditChain } from '../../../batches/audit/hash-chain.ts';
import { createLedgerTime } from '../ledger-time.ts';
import { createSeal } from '../seal.ts';
import { createBatchStore } from './batch-store.ts';
import { createCommands } from './commands.ts';
import { createBodies } from './bodies.ts';
import { timesIn } from './ledger-time.ts';
import { createGates } from './gates.ts';
import { createOccurrences } from './occurrences.ts';
import { createOutbox } from './outbox.ts';
import { createPauses } from './pauses.ts';
import { createRecordStore } from './record-store.ts';
import { createRetention } from './retention.ts';
import { createSessions } from './sessions.ts';
import { createTallies } from './tallies.ts';
import { createTrails } from './trails.ts';
import { createUnboundSequences } from './unbound-sequences.ts';
import type { Clock } from '../../../batches/ports/clock.ts';
import type { KeyDerivation } from '../../../batches/record/idempotency-key.ts';

export interface PartsParams {
  readonly ledgerKey: Buffer;
  readonly keys: KeyDerivation;
  readonly clock: Pick<Clock, 'now'>;
  readonly monotonic?: Pick<Clock, 'now'>;
}

export type Parts = ReturnType<typeof createParts>;

export function createParts(db: DatabaseSync, { ledgerKey, keys, clock, monotonic = clock }: PartsParams) {
  const time = createLedgerTime(
    timesIn(db),
    () => clock.now(),
    () => monotonic.now(),
  );
  const audit = createAuditChain(ledgerKey);
  return {
    rules: { keys, audit },
    time,
    // Ends and changes are dated by the highest clock, so that nothing is deleted too early.
    clock: { now: () => Math.max(time.now(), clock.now()) },
    sessions: createSessions(db),
    accounts: createTallies(db),
    places: createOccurrences(db),
    records: createRecordStore(db),
    loose: createUnboundSequences(db),
    outbox: createOutbox(db),
    bodies: createBodies(db, createSeal(ledgerKey)),
    batches: createBatchStore(db),
    retention: createRetention(db, { audit, now: () => time.now() }),
    trails: createTrails(db),
    pauses: createPauses(db),
    gates: createGates(db),
    commands: createCommands(db),
  };
}
