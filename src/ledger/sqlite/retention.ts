/** Purges the details of records that ended long ago. What must be known forever stays as it is, and so does their version. */
import type { DatabaseSync } from 'node:sqlite';
import { withoutDetails } from './rows.ts';
import { endsNotedFrom } from './schema.ts';

export interface Retention {
  /** Whether a record that ended by then still has its details. Milliseconds since the epoch. */
  areDue(endedBy: number): boolean;
  /**
   * Drops at most `limit` of them, those that ended first. Part of a group.
   *
   * @returns how many
   */
  drop(endedBy: number, limit: number): number;
}

/** In the words of the index, which is taken for it then. */
const ended = 'status > 4 AND ended_at IS NOT NULL AND ended_at > ? AND ended_at <= ?';

export function createRetention(db: DatabaseSync): Retention {
  const selectAny = db.prepare(`SELECT 1 FROM record WHERE ${ended} LIMIT 1`);
  const dropSome = db.prepare(
    `UPDATE record SET destination = NULL, metadata = NULL, reason_code = NULL, reason_description = NULL,
       resend_code = NULL, resend_description = NULL, checks = 0,
       shape = ${withoutDetails}, digests = x'', ended_at = NULL
     WHERE id IN (SELECT id FROM record WHERE ${ended} ORDER BY ended_at LIMIT ?)`,
  );
  const notedFrom = endsNotedFrom(db);
  // An end that was not recorded is 0, and counts as of the day when ends began to be recorded.
  const after = (endedBy: number): number => (notedFrom <= endedBy ? -1 : 0);

  return {
    areDue: (endedBy) => selectAny.get(after(endedBy), endedBy) !== undefined,
    drop: (endedBy, limit) => Number(dropSome.run(after(endedBy), endedBy, limit).changes),
  };
}
