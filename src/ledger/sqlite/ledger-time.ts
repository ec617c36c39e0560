/** Where the SQLite ledger keeps its times, and the way back from a time far ahead. */
import type { DatabaseSync } from 'node:sqlite';
import { timeNames, type KeptTimes } from '../ledger-time.ts';
import { readMeta, writeMeta } from './schema.ts';
import { allOrNone } from './transaction.ts';

export const timesIn = (db: DatabaseSync): KeptTimes => ({
  read: (name) => Number(readMeta(db, name) ?? 0),
  write: (name, value) => writeMeta(db, name, String(value)),
  newest() {
    const { newest } = db
      .prepare(
        `SELECT max(coalesce((SELECT max(max(started_at, coalesce(finished_at, 0), coalesce(last_sent_at, 0))) FROM batch), 0),
                    coalesce((SELECT max(max(coalesce(changed_at, 0), coalesce(ended_at, 0))) FROM record), 0)) AS newest`,
      )
      .get() as { newest: number | null };
    return newest ?? 0;
  },
});

/**
 * The way back from a time far ahead: the ledger's time is the wall clock's again. How old the sends so far are is not known
 * then, so that none of them is ever resent; what waits for a time to come is due now.
 *
 * @returns how far the time went back, in milliseconds
 */
export function resetLedgerTime(db: DatabaseSync, wallAt: number): number {
  const times = timesIn(db);
  const before = Math.max(times.read(timeNames.newestTime) || times.newest(), wallAt + times.read(timeNames.offset));
  allOrNone(db, () => {
    db.exec('UPDATE record SET key_lifetime_ms = NULL WHERE status <= 4 AND key_lifetime_ms IS NOT NULL');
    for (const column of ['due_at', 'lease_until'])
      db.prepare(`UPDATE record SET ${column} = :at WHERE status <= 4 AND ${column} > :at`).run({ at: wallAt });
    times.write(timeNames.offset, 0);
    for (const name of [timeNames.lastWall, timeNames.lastUptime]) times.write(name, 0);
    for (const name of [timeNames.newestTime, timeNames.newestWall, timeNames.resendBarrier]) times.write(name, wallAt);
  });
  return Math.max(0, before - wallAt);
}
