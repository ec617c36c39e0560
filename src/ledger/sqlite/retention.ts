/** Purges the details of records that ended long ago. What must be known forever stays as it is, and so does their version. */
import type { DatabaseSync } from 'node:sqlite';
import type { AuditChain } from '../../../batches/audit/hash-chain.ts';
import { auditHeadOf, withoutDetails, type AuditColumns } from './rows.ts';
import { endsNotedFrom } from './schema.ts';
import { createTrails } from './trails.ts';

export interface Retention {
  /** Whether a record that ended by then still has its details. Milliseconds since the epoch. */
  areDue(endedBy: number): boolean;
  /**
   * Drops at most `limit` of them, those that ended first. Of each trail one entry stays, which says what was dropped. Part of a group.
   *
   * @returns how many
   */
  drop(endedBy: number, limit: number): number;
}

export interface RetentionDeps {
  readonly audit: Pick<AuditChain, 'retain'>;
  readonly now: () => number;
}

/** In the words of the index, which is taken for it then. */
const ended = 'status > 4 AND ended_at IS NOT NULL AND ended_at > ? AND ended_at <= ?';

interface EndedRow extends AuditColumns {
  readonly id: number;
  readonly record_id: string;
}

export function createRetention(db: DatabaseSync, { audit, now }: RetentionDeps): Retention {
  const selectAny = db.prepare(`SELECT 1 FROM record WHERE ${ended} LIMIT 1`);
  const selectSome = db.prepare(`SELECT id, record_id, audit_number, audit_chain FROM record WHERE ${ended} ORDER BY ended_at LIMIT ?`);
  const dropOne = db.prepare(
    `UPDATE record SET destination = NULL, metadata = NULL, reason_code = NULL, reason_description = NULL,
       resend_code = NULL, resend_description = NULL, checks = 0,
       shape = ${withoutDetails}, digests = x'', ended_at = NULL, audit_number = ?, audit_chain = ?
     WHERE id = ?`,
  );
  const trails = createTrails(db);
  const notedFrom = endsNotedFrom(db);
  // An end that was not recorded is 0, and counts as of the day when ends began to be recorded.
  const after = (endedBy: number): number => (notedFrom <= endedBy ? -1 : 0);

  return {
    areDue: (endedBy) => selectAny.get(after(endedBy), endedBy) !== undefined,
    drop(endedBy, limit) {
      const rows = selectSome.all(after(endedBy), endedBy, limit) as unknown as EndedRow[];
      for (const row of rows) {
        const head = auditHeadOf(row);
        const kept = head === null ? undefined : audit.retain(head, row.record_id, now());
        trails.remove(row.id);
        trails.append(row.id, kept?.entries ?? []);
        dropOne.run(kept?.head.number ?? null, kept === undefined ? null : Buffer.from(kept.head.chain, 'hex'), row.id);
      }
      return rows.length;
    },
  };
}
