/**
 * Which connections to Redis the ledger may be used on: each new one is verified first, because it may lead to another
 * server or to an older copy of the ledger.
 */
import { systemClock } from '../../clock.ts';
import type { RedisConnection } from '../../redis/connection.ts';

/** What the check of a new connection found. `retry`: the connection failed, or the server is not ready yet. */
export type Verification = 'verified' | 'refused' | 'retry';

export interface VerifiedConnection {
  /** True while calls may be sent. */
  isVerified(): boolean;
  /** Rises with every connection: what was learnt on an earlier one says nothing about this one. */
  epoch(): number;
  /** Calls of this epoch got no answer: the connection is gone, or the server hangs or is no longer the master. */
  interrupt(epoch: number): void;
  /** Stops listening. The connection itself stays open: it belongs to the caller. */
  close(): void;
}

const retryMs = 200;

export function createVerifiedConnection(params: {
  readonly connection: RedisConnection;
  readonly verify: () => Promise<Verification>;
  readonly onVerified: () => void;
  readonly onLost: () => void;
}): VerifiedConnection {
  const { connection, verify, onVerified, onLost } = params;
  const { client } = connection;
  let epoch = 0;
  let verified = false;
  let closed = false;

  const onReady = async (): Promise<void> => {
    epoch += 1;
    const mine = epoch;
    const isCurrent = (): boolean => mine === epoch && !closed;
    while (isCurrent()) {
      const outcome = await verify();
      if (!isCurrent() || outcome === 'refused') return;
      if (outcome === 'verified') {
        verified = true;
        onVerified();
        return;
      }
      await systemClock.sleep(retryMs);
    }
  };
  const ready = (): void => void onReady();
  const close = (): void => {
    epoch += 1;
    verified = false;
    onLost();
  };
  client.on('close', close);
  client.on('ready', ready);
  if (client.status === 'ready') ready();

  return {
    isVerified: () => verified,
    epoch: () => epoch,
    interrupt(mine) {
      if (mine !== epoch || closed) return;
      epoch += 1;
      verified = false;
      if (client.status === 'ready') connection.renew();
    },
    close() {
      closed = true;
      client.off('close', close);
      client.off('ready', ready);
    },
  };
}
