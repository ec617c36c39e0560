/** What a client of the ledger's scripts works on, and what it reports. */
import type { RedisConnection, RedisNode } from '../../redis/connection.ts';
import type { LedgerDataLossError, LedgerPlace } from './errors.ts';
import type { KeyNames } from './key-names.ts';

export interface ScriptClientParams {
  readonly connection: RedisConnection;
  readonly place: LedgerPlace;
  readonly names: KeyNames;
  readonly generation: string;
  /** This process's short id, without spaces; '' for one that only reads. */
  readonly writer: string;
  /** The counters as they were found, by shard. */
  readonly counters: readonly number[];
  readonly onBroken: (error: LedgerDataLossError) => void;
  /** Asked on every new connection before it is used: false while the server may not be used. Rejects when it cannot say now. */
  readonly isSafe?: (node: RedisNode) => Promise<boolean>;
  /** A write to this node counts when a replica has it in its append-only file. */
  readonly waits?: (node: RedisNode) => boolean;
  /** Called with each answer of such a node: whether a replica had all writes in time. */
  readonly onReplica?: (node: RedisNode, hasWritten: boolean) => void;
  /** Called when Redis refuses a write because its memory or its disk is full; the write waits until there is room. */
  readonly onFull?: (what: 'memory' | 'disk') => void;
  /** Called when a node of a cluster answers that no master has a slot, or that it is on its way; the call waits. */
  readonly onNoSlot?: (message: string) => void;
  /** Receives the ledger's time with every reply of a script. */
  readonly onTime?: (time: LedgerTimeSeen) => void;
}

/** The time of a shard, which is Redis TIME and an offset; milliseconds. */
export interface LedgerTimeSeen {
  readonly nowMs: number;
  readonly offsetMs: number;
}
