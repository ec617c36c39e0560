/** What is found in an uploaded file before anything of it is paid. */
import { systemClock } from '../../clock.ts';
import type { Config } from '../../config/config.ts';
import { parseMapping, type Mapping } from '../../../batches/csv-row/mapping.ts';
import { inspect, readAgain, type Inspection, type InspectionOutcome } from '../../files/payout-file.ts';
import { parseControlTotals, type Totals } from '../../../batches/preflight/control-totals.ts';
import type { LineProblem } from '../../../batches/preflight/line-problem.ts';
import { Refusal } from '../access/guard.ts';
import type { Upload, UploadStore } from './store.ts';

/** @throws {Refusal} for totals that cannot be read */
export function readTotals(text: string): Totals {
  const totals = parseControlTotals(text);
  if (typeof totals === 'string') throw new Refusal(422, 'wrong_totals', `The totals cannot be read: ${totals}.`);
  return totals;
}

export interface Reviews {
  /** Kept while it is looked at: a large file is not read again for each page. */
  of(upload: Upload): Promise<InspectionOutcome>;
  check(upload: Upload, expected: Totals | null): Promise<InspectionOutcome>;
  forget(id: string): void;
}

const mostKept = 20;

export function createReviews({ settings }: Config, store: Pick<UploadStore, 'sourceOf'>): Reviews {
  const kept = new Map<string, Promise<InspectionOutcome>>();
  const check: Reviews['check'] = (upload, expected) => {
    const { MAX_AMOUNT: maxAmount, MAX_BATCH_TOTAL: maxBatchTotal } = settings;
    const { encoding, delimiter, decimal, sheet } = upload.reading;
    const mapping = mappingOf(upload);
    return inspect({
      ...store.sourceOf(upload),
      ...(encoding === undefined ? {} : { encoding }),
      ...(delimiter === undefined ? {} : { delimiter }),
      ...(sheet === undefined ? {} : { sheet }),
      reading: {
        now: systemClock.now(),
        ...(maxAmount === undefined ? {} : { maxAmount }),
        ...(decimal === undefined ? {} : { decimal }),
        ...(mapping === undefined ? {} : { mapping }),
      },
      maxBatchTotal,
      expected,
      onProgress: () => undefined,
    });
  };
  return {
    check,
    of(upload) {
      const known = kept.get(upload.id) ?? check(upload, null);
      kept.set(upload.id, known);
      known.catch(() => kept.delete(upload.id));
      const [oldest] = kept.keys();
      if (kept.size > mostKept && oldest !== undefined) kept.delete(oldest);
      return known;
    },
    forget: (id) => void kept.delete(id),
  };
}

function mappingOf({ reading }: Upload): Mapping | undefined {
  if (reading.mapping === undefined) return undefined;
  const found = parseMapping(reading.mapping.text);
  if (!found.ok) throw new Refusal(409, 'mapping_broken', 'The mapping that the file was read with cannot be read. Upload the file again.');
  return found.mapping;
}

/** A row with something to correct: what names it, and the problems of its columns. */
export interface BadRow {
  readonly line: number;
  readonly recordId: string;
  readonly amount: { readonly amountMinor: bigint; readonly currency: string } | null;
  readonly problems: readonly LineProblem[];
}

/** Rows that are shown. */
const mostRows = 50;

/** The first rows with errors. Values are those of the report, in which accounts are masked. */
export async function badRowsOf(inspection: Inspection): Promise<readonly BadRow[]> {
  const byLine = new Map<number, LineProblem[]>();
  for (const problem of inspection.preflight.errors) byLine.set(problem.line, [...(byLine.get(problem.line) ?? []), problem]);
  const wanted = [...byLine.keys()].slice(0, mostRows);
  const last = Math.max(0, ...wanted);
  const rows: BadRow[] = [];
  for await (const block of readAgain(inspection)) {
    for (const { line, reading } of block) {
      const problems = wanted.includes(line) ? byLine.get(line) : undefined;
      if (problems === undefined) continue;
      const { recordId, amountMinor, currency } = reading.ok ? reading.draft : reading.refusal;
      const amount = amountMinor === undefined || currency === undefined ? null : { amountMinor, currency };
      rows.push({ line, recordId: recordId ?? '', amount, problems });
    }
    if ((block.at(-1)?.line ?? 0) >= last) break;
  }
  return rows;
}
