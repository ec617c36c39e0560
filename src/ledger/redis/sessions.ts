/**
 * Which record a session of the gateway belongs to. A session is claimed in the shard of its id before the record
 * advances, because no script can write to two shards: a claim without a change is harmless, as it is the record's own.
 */
import type { LedgerRecord } from '../../../batches/record/record.ts';
import { shardOf, type KeyNames } from './key-names.ts';
import type { ScriptClient } from './script-client.ts';
import { scripts } from './scripts.ts';

export interface Sessions {
  /** Claims every session that the record names. @returns the first one that belongs to another record */
  claim(record: LedgerRecord): Promise<{ readonly sessionId: string; readonly takenBy: string } | undefined>;
}

/** Claims known to this instance; a claim never changes, so that the others are simply asked for again. */
const knownLimit = 20_000;

export function createSessions({ calls, names }: { readonly calls: ScriptClient; readonly names: KeyNames }): Sessions {
  const known = new Map<string, string>();

  const holderOf = async (sessionId: string, recordId: string): Promise<string> => {
    const claimed = known.get(sessionId);
    if (claimed !== undefined) return claimed;
    const shard = shardOf(sessionId);
    const { answer, values } = await calls.run(shard, scripts.claimSession, [names.sessions(shard, sessionId)], [sessionId, recordId]);
    const holder = answer === 'written' ? recordId : (values[0] ?? '');
    if (known.size >= knownLimit) known.clear();
    known.set(sessionId, holder);
    return holder;
  };

  return {
    async claim({ recordId, sessionId, confirmSession, cancelSession }) {
      for (const named of new Set([sessionId, confirmSession, cancelSession])) {
        if (named === null) continue;
        const takenBy = await holderOf(named, recordId);
        if (takenBy !== recordId) return { sessionId: named, takenBy };
      }
      return undefined;
    },
  };
}
