/** What operators ask beside the state of records: trails, alerts, pauses, a recount. Empty in a ledger of an older version that is only read. */
import type { DatabaseSync } from 'node:sqlite';
import type { Ledger, ListedRecord } from '../../../batches/ports/ledger.ts';
import { noTerms } from '../../../batches/record/gates.ts';
import { sumTallies, type TallyRow } from '../../../batches/record/tally.ts';
import { wholeText } from '../audit-text.ts';
import { readGates, readTerms } from './gates.ts';
import { readPauses } from './pauses.ts';
import { listedOf } from './record-list.ts';
import { selectRecord } from './rows.ts';
import { schemaOf } from './schema.ts';
import { bySums, sums, toSums } from './sums.ts';

type Answer<Name extends keyof Ledger> = Awaited<ReturnType<Ledger[Name]>>;

export interface OperationQueries {
  trail(recordId: string): Answer<'trail'>;
  alerted(query: Parameters<Ledger['alerted']>[0]): readonly ListedRecord[];
  pauses(): Answer<'pauses'>;
  gates(): Answer<'gates'>;
  terms(batchId: string): Answer<'terms'>;
  /** @param batch the row id of one batch; undefined for all */
  recount(batch: number | undefined): readonly TallyRow[];
}

/** The versions that brought what is asked for here, and the gates. */
const sinceSchema = 6;
const gatesSinceSchema = 7;

export function createOperationQueries(db: DatabaseSync): OperationQueries {
  const recount = createRecount(db);
  const gates =
    Number(schemaOf(db)) < gatesSinceSchema ? noGates : { gates: () => readGates(db), terms: (id: string) => readTerms(db, id) };
  if (Number(schemaOf(db)) < sinceSchema) return { trail: () => [], alerted: () => [], pauses: () => [], recount, ...gates };
  const selectTrail = db.prepare(
    'SELECT audit.number, audit.entry, audit.hash FROM audit JOIN record ON record.id = audit.record WHERE record.record_id = ? ORDER BY audit.number',
  );
  // In the words of the partial index `record_alert`, which is used for them then.
  const selectAlerted = db.prepare(`${selectRecord} WHERE record.has_alert = 1 AND record.id > ? ORDER BY record.id LIMIT ?`);
  return {
    trail: (recordId) =>
      (selectTrail.all(recordId) as unknown as EntryRow[]).map(({ number, entry, hash }) => ({
        number,
        text: wholeText(entry),
        hash: Buffer.from(hash).toString('hex'),
      })),
    alerted: ({ limit, after = '0' }) => listedOf(selectAlerted, [Number(after), limit], ({ id }) => String(id)),
    pauses: () => readPauses(db),
    recount,
    ...gates,
  };
}

const noGates = { gates: () => null, terms: () => noTerms } as const;

interface EntryRow {
  readonly number: number;
  readonly entry: string;
  readonly hash: Uint8Array;
}

function createRecount(db: DatabaseSync): OperationQueries['recount'] {
  return (batch) => {
    // Batch 0: counted elsewhere, see `import.ts`.
    const where = batch === undefined ? 'AND batch <> 0' : 'AND batch = ?';
    const params = batch === undefined ? [] : [batch];
    const ofRecords = db.prepare(`SELECT ${sums} FROM record WHERE true ${where} ${bySums}`).all(...params);
    const ofOccurrences = db.prepare(`SELECT ${sums} FROM occurrence WHERE status IS NOT NULL ${where} ${bySums}`).all(...params);
    const rows = toSums([...ofRecords, ...ofOccurrences]);
    return sumTallies([...rows, ...rows.map((row) => ({ ...row, status: 'received' as const }))]);
  };
}
