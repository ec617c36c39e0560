/** The highest sequence told under record ids that no record stands under. */
import type { DatabaseSync } from 'node:sqlite';

export interface Loose {
  /** 0 when nothing was told. */
  sequenceOf(recordId: string): number;
  raise(recordId: string, sequence: number): void;
  /** A record stands there now and goes on counting. */
  remove(recordId: string): void;
  forget(): void;
}

export function createLoose(db: DatabaseSync): Loose {
  const select = db.prepare('SELECT sequence FROM loose WHERE record_id = ?');
  const upsert = db.prepare('INSERT INTO loose (record_id, sequence) VALUES (?, ?) ON CONFLICT DO UPDATE SET sequence = excluded.sequence');
  const removeRow = db.prepare('DELETE FROM loose WHERE record_id = ?');
  const selectAny = db.prepare('SELECT 1 FROM loose LIMIT 1');
  // Where nothing was ever rejected, nobody need be asked.
  let empty = true;

  const load = (): void => {
    empty = selectAny.get() === undefined;
  };
  load();

  return {
    sequenceOf: (recordId) => (empty ? 0 : ((select.get(recordId) as { sequence: number } | undefined)?.sequence ?? 0)),
    raise(recordId, sequence) {
      upsert.run(recordId, sequence);
      empty = false;
    },
    remove(recordId) {
      removeRow.run(recordId);
    },
    forget: load,
  };
}
