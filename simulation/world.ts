/** What outlives every process of a schedule, and what an operator sets for one of them. */
import type { AuditChain } from '../batches/audit/hash-chain.ts';
import type { OperationRequest } from '../batches/operations/request.ts';
import type { Fingerprints } from '../batches/record/fingerprint.ts';
import type { KeyDerivation } from '../batches/record/idempotency-key.ts';
import { type MemoryStore } from '../src/ledger/memory/ledger.ts';
import type { Bank } from './bank.ts';
import type { Dice } from './dice.ts';
import type { WorldGates } from './gates.ts';
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
  /** Between two looks at what is due: 100 ms as in the program, or longer, which costs less. */
  readonly pollMs: number;
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
  /** What operators asked for and no process has answered: it outlives the process that was about to. */
  readonly requests: OperationRequest[];
  readonly persons: PersonsWork;
  /** Null where nothing must hold before money moves. */
  readonly gates: WorldGates | null;
  /** Takes webhooks while a process runs that does. */
  webhooks: TakeWebhook | null;
  /** Whether the bank sends any. */
  readonly hasWebhooks: boolean;
}

/** @returns the HTTP status; never resolves when the process dies */
export type TakeWebhook = (bytes: Uint8Array) => Promise<number>;

/** What persons decided, as a process acknowledged it. */
export interface PersonsWork {
  /** By record id: when it was ended, in milliseconds since the beginning. */
  readonly endedAt: Map<string, number>;
  /** Record ids that were resolved as what they are not. */
  readonly mistaken: Set<string>;
  answered: number;
}
