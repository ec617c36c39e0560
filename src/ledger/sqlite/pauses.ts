/** What is paused: no intent of it is written. */
import type { DatabaseSync } from 'node:sqlite';
import { pauseOf, type Pause, type SetPause } from '../../../batches/record/pause.ts';

export interface Pauses {
  /** What keeps an intent of this batch from being written. */
  of(batchId: string): SetPause | undefined;
  /** @returns whether it changed anything */
  set(params: { readonly batchId: string | null; readonly pause: Pause | null }): boolean;
  forget(): void;
}

/** The name of the pause of everything. */
const everything = '';

interface PauseRow {
  readonly batch_id: string;
  readonly code: string;
  readonly by: string;
  readonly reason: string | null;
  readonly at: number;
}

const toPause = ({ batch_id: batchId, code, by, reason, at }: PauseRow): SetPause => ({
  batchId: batchId === everything ? null : batchId,
  code: code as Pause['code'],
  by,
  reason,
  at,
});

export const readPauses = (db: DatabaseSync): readonly SetPause[] =>
  (db.prepare('SELECT batch_id, code, by, reason, at FROM pause ORDER BY at').all() as unknown as PauseRow[]).map(toPause);

export function createPauses(db: DatabaseSync): Pauses {
  const insert = db.prepare(`INSERT INTO pause (batch_id, code, by, reason, at) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET code = excluded.code, by = excluded.by, reason = excluded.reason, at = excluded.at
     WHERE excluded.code = 'cancelled' AND pause.code <> 'cancelled'`);
  const remove = db.prepare("DELETE FROM pause WHERE batch_id = ? AND code <> 'cancelled'");
  // Asked for every intent, changed by persons.
  let kept = new Map<string, SetPause>();
  const load = (): void => {
    kept = new Map(readPauses(db).map((pause) => [pause.batchId ?? everything, pause]));
  };
  load();
  return {
    of: (batchId) =>
      pauseOf(
        [kept.get(everything), kept.get(batchId)].filter((pause) => pause !== undefined),
        batchId,
      ),
    set({ batchId, pause }) {
      const name = batchId ?? everything;
      const { changes } = pause === null ? remove.run(name) : insert.run(name, pause.code, pause.by, pause.reason, pause.at);
      if (changes !== 0) load();
      return changes !== 0;
    },
    forget: load,
  };
}
