/** What outlives every process of a schedule, and what an operator sets for one of them. */
import type { AuditChain } from '../batches/audit/hash-chain.ts';
import type { Fingerprints } from '../batches/record/fingerprint.ts';
import type { KeyDerivation } from '../batches/record/idempotency-key.ts';
import { type MemoryStore } from '../src/ledger/memory/ledger.ts';
import type { Bank } from './bank.ts';
import type { Dice } from './dice.ts';
import type { Machine } from './machine.ts';
import type { Story } from './story.ts';
import type { Timeline } from './timeline.ts';

/** Settings that an operator may change from one run to the next. */
export interface RunSettings {
  readonly keyLifetimeMs: number | null;
  readonly idempotencyHeader: string;
  readonly rate: number | 'unlimited';
  readonly concurrency: number;
  readonly timeoutMs: number;
  readonly waitMs: number;
}

/** What outlives every process. */
export interface World {
  readonly timeline: Timeline;
  readonly dice: Dice;
  readonly story: Story;
  readonly bank: Bank;
  readonly machine: Machine;
  readonly store: MemoryStore;
  readonly keys: KeyDerivation;
  readonly fingerprints: Fingerprints;
  readonly audit: AuditChain;
  /** Lines of the results file, synced. */
  readonly results: string[];
  readonly alerts: string[];
}
