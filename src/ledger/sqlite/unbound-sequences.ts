/** The last sequence published under a record id that has no record; once there is a record, it keeps its own. */
import type { DatabaseSync } from 'node:sqlite';

export interface UnboundSequences {
  /** 0 when none was published. */
  lastSequence(recordId: string): number;
  raise(recordId: string, sequence: number): void;
  forget(): void;
}

export function createUnboundSequences(db: DatabaseSync): UnboundSequences {
  const select = db.prepare('SELECT sequence FROM loose WHERE record_id = ?');
  const upsert = db.prepare('INSERT INTO loose (record_id, sequence) VALUES (?, ?) ON CONFLICT DO UPDATE SET sequence = excluded.sequence');
  const selectAny = db.prepare('SELECT 1 FROM loose LIMIT 1');
  // Where nothing was ever rejected, no read is needed.
  let empty = true;

  const load = (): void => {
    empty = selectAny.get() === undefined;
  };
  load();

  return {
    lastSequence: (recordId) => (empty ? 0 : ((select.get(recordId) as { sequence: number } | undefined)?.sequence ?? 0)),
    raise(recordId, sequence) {
      upsert.run(recordId, sequence);
      empty = false;
    },
    forget: load,
  };
}
