/** What the rooms that use Redis work with: one server, or the nodes of a Redis Cluster. */
import type { Redis } from 'ioredis';
import { CommandError, type ExitCode } from '../exit.ts';

/** Redis cannot be reached, or refuses the connection. */
export class RedisError extends CommandError {
  readonly code = 'redis';
  constructor(exitCode: ExitCode, message: string, options?: ErrorOptions) {
    super(exitCode, message, options);
    this.name = 'RedisError';
  }
}

/** One server. Its commands reject when it is away; none is sent twice. */
export interface RedisNode {
  readonly client: Redis;
  /** For messages: without a password. */
  readonly address: string;
  /** Replicas that a cluster knows of this node, connected or not; 0 outside of a cluster. */
  replicas(): number;
  /** The server hangs: gives up this connection, so that another one is made. */
  renew(): void;
}

export interface RedisConnection {
  /** For messages: without a password. */
  readonly address: string;
  /** The slots are shared by several masters. */
  readonly isCluster: boolean;
  /** The masters that hold slots; outside of a cluster the only server. Never empty. */
  nodes(): readonly RedisNode[];
  /** The node that holds the slot of this key, as far as is known. */
  nodeOf(key: string): RedisNode;
  /** Takes what a node answered (`MOVED`): where the slot is. */
  noteMoved(message: string): void;
  /** Asks which node holds which slots; what cannot be learnt stays as it was known. Resolves when it was asked. */
  refresh(): Promise<void>;
  /** Calls it after each change of the nodes or their slots. @returns a function that ends that */
  onChange(listener: () => void): () => void;
  /** Resolves when commands can be sent; rejects with the signal's reason, or when the connection was closed. */
  ready(signal?: AbortSignal): Promise<void>;
  /** For good; what waits for an answer is rejected. Idempotent. */
  close(): Promise<void>;
}

export interface RedisParams {
  /**
   * `redis://` or `rediss://`, with user, password and database number where there are any. Several, comma separated: nodes of
   * one Redis Cluster, of which one is enough to find the others.
   */
  readonly url: string;
  /** PEM with the authorities to trust for `rediss://`; default: those of the system. */
  readonly caFile?: string;
  /** Called once when a connection is lost, and once when it is back. */
  readonly onWarning: (message: string) => void;
  /** How long the first connection may take. */
  readonly waitMs?: number;
}
