/**
 * A payout file, read twice: first whole, to judge it before anything is sent; then block by block against what
 * the first reading found, to pay it.
 */
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { totalsAbove } from './batch-total.ts';
import { alsoAmbiguous, noRecords, pipeNeedsFile, totalAbove, unexpectedTotal } from './file-problems.ts';
import { compareTotals, type Totals } from '../../batches/preflight/control-totals.ts';
import type { LineProblem } from '../../batches/preflight/line-problem.ts';
import { ambiguous, startPreflight, type Preflight, type PreflightBuilder, type RowIndex } from '../../batches/preflight/preflight.ts';
import { explainHeader, headerSearchRows } from '../../batches/preflight/header-diagnosis.ts';
import { headerAdvice } from '../../batches/csv-row/header.ts';
import { validateBlock, type BlockReport } from '../../batches/preflight/check-block.ts';
import { createRowReader } from '../../batches/csv-row/row-reader.ts';
import type { RowReadingOptions } from '../../batches/csv-row/amount.ts';
import type { OpenFile } from '../../consumers/csv/file.ts';
import type { CsvFile } from '../../consumers/csv/read-csv.ts';
import type { CsvRow } from '../../consumers/csv/rows.ts';
import { StructuralError, type SourceFacts } from '../../consumers/csv/structural-error.ts';
import { createRowIndex } from '../../consumers/row-index.ts';
import { createFixFile } from '../../producers/fix-file.ts';
import { isWorthThread, startCheckThread, type CheckThread } from './check-thread.ts';
import { openRows, type ReadingWays } from './open-rows.ts';
import { createWorkbookRows, isWorkbookName } from './workbook-out.ts';
import type { RejectedRows, RowFile } from './rejected-rows.ts';
import { shownFileName } from './file-name.ts';
import type { FileRow } from '../../batches/pipeline/admit-file.ts';

/** What the first reading found. */
export interface Inspection {
  readonly path: string;
  /** Of a file that is kept in another form than it is read. */
  readonly open?: OpenFile;
  readonly file: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly blockDigests: readonly string[];
  readonly encoding: string;
  readonly delimiter: string;
  /** Of a workbook: the sheet that is paid. */
  readonly sheet?: string;
  readonly rereadable: boolean;
  readonly header: readonly string[];
  /** As the header spells it. */
  readonly recordIdColumn: string;
  readonly preflight: Preflight;
  /** Kept for the second reading, so that both judge by the same clock and limits. */
  readonly reading: RowReadingOptions;
}

/** A file of which nothing is paid. Members that could not be found out are null. */
export interface BrokenFile {
  readonly file: string;
  readonly sha256: string | null;
  readonly encoding: string | null;
  readonly delimiter: string | null;
  readonly rows: number;
  readonly problems: readonly LineProblem[];
  /** What a file needs, when its header is what is wrong. */
  readonly advice: string | null;
}

export type InspectionOutcome =
  { readonly ok: true; readonly inspection: Inspection } | { readonly ok: false; readonly broken: BrokenFile };

/** Told after each block what was read: the first time, the second time, to compare rows, or for the fix-file. */
export type OnReading = (progress: {
  readonly reading: 'check' | 'compare' | 'fix-file';
  readonly rows: number;
  readonly bytes: number;
  /** Null for a pipe. */
  readonly fileBytes: number | null;
}) => void;

export interface InspectParams extends ReadingWays {
  readonly path: string;
  readonly reading: RowReadingOptions;
  readonly expected: Totals | null;
  /** Rows that were rejected before; a corrected one is compared with them. */
  readonly rejected?: RejectedRows | null;
  /** A file above it is broken. */
  readonly maxBatchTotal?: ReadonlyMap<string, bigint> | undefined;
  readonly onProgress: OnReading;
}

/** The whole file once: structure, every row, totals. Structural faults are an outcome, not an exception. */
export async function inspect(params: InspectParams): Promise<InspectionOutcome> {
  const { path, expected, onProgress } = params;
  const reading = withMapped(params.reading);
  const file = shownFileName(basename(path));
  let csv: CsvFile | undefined;
  let thread: CheckThread | undefined;
  let rows = 0;
  let isCorrection = false;
  const broken = (problems: readonly LineProblem[], facts: SourceFacts): InspectionOutcome => {
    return { ok: false, broken: brokenFile({ file, rows, problems }, facts) };
  };
  try {
    csv = await openRows(path, { ...params, csvDelimiter: reading.mapping?.delimiter });
    const made = createRowReader(csv.header, reading);
    const { headerLine, encoding, delimiter, sheet, header, rereadable } = csv;
    if (!made.ok) {
      const rest = await readRest(csv);
      ({ rows } = rest);
      const found = { header, line: headerLine, problems: made.problems, following: rest.first };
      // Under a mapping the header has names of its own.
      const explained = reading.mapping === undefined ? explainHeader(found) : found.problems.map((one) => ({ line: headerLine, ...one }));
      return broken([...explained, ...rest.problems], { encoding, delimiter, ...rest.facts });
    }
    const fileBytes = await sizeOf(path);
    const taking = startPreflight();
    if (sheet === undefined && isWorthThread(fileBytes)) thread = startCheckThread({ header, delimiter, reading });
    const here = (block: readonly CsvRow[]): BlockReport => validateBlock(block, made.reader);
    for await (const report of csv.judged(thread === undefined ? { here } : { here, elsewhere: thread.check })) {
      taking.take(report);
      rows += report.rows;
      isCorrection ||= params.rejected?.mayKnow(report.ids) === true;
      onProgress({ reading: 'check', rows, bytes: csv.bytesRead(), fileBytes });
    }
    const found = csv.finished();
    const { sha256, bytes, blockDigests } = found;
    const { open } = params;
    const form = { ...(open === undefined ? {} : { open }), ...(sheet === undefined ? {} : { sheet }) };
    const again: Again = { path, ...form, encoding, delimiter, sha256, blockDigests, bytes, reading };
    const of = { file, sha256, header, reader: made.reader };
    const corrected = isCorrection && rereadable ? await compareCorrected(again, of, params) : [];
    const warnings = [
      ...corrected,
      ...made.reader.headerWarnings.map((problem) => ({ line: headerLine, ...problem })),
      ...found.warnings,
      ...(rows === 0 ? [noRecords(headerLine)] : []),
    ];
    if (taking.hasCandidates() && !rereadable) return broken([pipeNeedsFile], { ...found, encoding, delimiter });
    const index = taking.hasCandidates() ? await indexSuspects(again, taking, params) : null;
    const preflight = taking.finish(index, {
      recordIdColumn: made.reader.recordIdColumn,
      headerLine,
      warnings,
      warningsTotal: found.warningsTotal + warnings.length - found.warnings.length,
    });
    index?.close();
    const differences = expected === null ? [] : compareTotals(expected, preflight.totals);
    const above = totalsAbove(preflight.totals, (currency) => params.maxBatchTotal?.get(currency));
    const wrong = [...differences.map(unexpectedTotal), ...above.map(totalAbove)];
    if (wrong.length > 0) return broken(wrong, { ...found, encoding, delimiter });
    const { recordIdColumn } = made.reader;
    return { ok: true, inspection: { ...again, file, rereadable, header, recordIdColumn, preflight } };
  } catch (cause) {
    if (cause instanceof StructuralError) return broken(cause.problems, cause.facts);
    throw cause;
  } finally {
    await thread?.close();
    await csv?.close();
  }
}

const brokenFile = (known: Pick<BrokenFile, 'file' | 'rows' | 'problems'>, { sha256, encoding, delimiter }: SourceFacts): BrokenFile => ({
  ...known,
  ...{ sha256: sha256 ?? null, encoding: encoding ?? null, delimiter: delimiter ?? null },
  advice: known.problems.some(({ code }) => code.startsWith('header_')) ? headerAdvice : null,
});

/** What a mapping says of the amounts, unless it is asked for otherwise. */
const withMapped = (reading: RowReadingOptions): RowReadingOptions =>
  reading.mapping?.decimal === undefined || reading.decimal !== undefined ? reading : { ...reading, decimal: reading.mapping.decimal };

/** The rest of a file whose header is broken: its hash names it, and what else is wrong with it is reported at the same time. */
async function readRest(csv: CsvFile) {
  const first: CsvRow[] = [];
  let rows = 0;
  try {
    for await (const block of csv.blocks) {
      if (first.length < headerSearchRows) first.push(...block.slice(0, headerSearchRows));
      rows += block.length;
    }
    return { rows, first, problems: [], facts: csv.finished() };
  } catch (cause) {
    if (cause instanceof StructuralError) return { rows, first, problems: cause.problems, facts: cause.facts };
    throw cause;
  }
}

/** Null for a pipe. */
async function sizeOf(path: string): Promise<number | null> {
  const found = await stat(path);
  return found.isFile() ? found.size : null;
}

type Again = Pick<Inspection, 'path' | 'open' | 'encoding' | 'delimiter' | 'sheet' | 'sha256' | 'blockDigests' | 'bytes' | 'reading'>;

/** A row that was rejected before and is back: what else differs. */
async function compareCorrected(
  again: Again,
  of: RowFile,
  { rejected, signal, onProgress }: InspectParams,
): Promise<readonly LineProblem[]> {
  const found: LineProblem[] = [];
  for await (const block of readRows(again, { signal, onBlock: reporting('compare', again, onProgress) }))
    for (const row of block) found.push(...(rejected?.compare(of, row) ?? []));
  return found;
}

/** Looks once more at the rows whose record id or look may stand twice. */
async function indexSuspects(
  again: Again,
  taking: PreflightBuilder,
  { signal, onProgress }: Pick<InspectParams, 'signal' | 'onProgress'>,
): Promise<RowIndex> {
  const index = createRowIndex();
  try {
    for await (const block of readRows(again, { signal, onBlock: reporting('compare', again, onProgress) })) {
      for (const { line, cells, reading } of block) taking.verifyCandidate(index, line, cells, reading);
    }
    return index;
  } catch (cause) {
    index.close();
    throw cause;
  }
}

/** The second reading. Throws `FileChangedError` before a row of a changed block is handed out. */
export async function* readAgain(
  inspection: Inspection,
  signal?: AbortSignal,
  onBlock?: OnBlock,
): AsyncGenerator<readonly (FileRow & CsvRow)[], void, undefined> {
  const { preflight } = inspection;
  const problem = ambiguous(undefined, inspection.recordIdColumn);
  for await (const block of readRows(inspection, { signal, onBlock })) {
    yield block.map((row) => (preflight.isAmbiguous(row.line) ? { ...row, reading: alsoAmbiguous(row.reading, problem) } : row));
  }
}

type OnBlock = (rows: number, bytes: number) => void;

const reporting = (reading: Parameters<OnReading>[0]['reading'], { bytes: fileBytes }: Again, onProgress: OnReading): OnBlock => {
  let rows = 0;
  return (added, bytes) => onProgress({ reading, rows: (rows += added), bytes, fileBytes });
};

async function* readRows(
  again: Again,
  { signal, onBlock }: { readonly signal: AbortSignal | undefined; readonly onBlock: OnBlock | undefined },
): AsyncGenerator<readonly (FileRow & CsvRow)[], void, undefined> {
  const { path, open, encoding, delimiter, sheet, sha256, blockDigests, reading } = again;
  const csv = await openRows(path, { open, encoding, delimiter, sheet, signal }, { sha256, blockDigests });
  try {
    const made = createRowReader(csv.header, reading);
    if (!made.ok) throw new Error('the header was valid before and is not now, although the bytes are the same');
    for await (const block of csv.blocks) {
      yield block.map((row) => ({ ...row, reading: made.reader.read(row.cells, row.notes) }));
      onBlock?.(block.length, csv.bytesRead());
    }
  } finally {
    await csv.close();
  }
}

interface FixFileOptions {
  readonly onProgress?: OnReading;
  /** Where the bad rows are kept for comparison when they are back. */
  readonly rejected?: RejectedRows | null;
}

/**
 * Writes the bad rows as they were, with one more column that says what to do. Card numbers and security codes are
 * masked. Nothing is written when there are none.
 */
export async function writeFixFile(
  inspection: Inspection,
  path: string,
  { onProgress = () => undefined, rejected = null }: FixFileOptions = {},
): Promise<boolean> {
  if (inspection.preflight.errorsTotal === 0) return false;
  const made = createRowReader(inspection.header, inspection.reading);
  if (!made.ok) return false;
  const file = isWorkbookName(path) ? { file: createWorkbookRows(path, 'invalid rows') } : {};
  const fix = await createFixFile({ path, header: inspection.header, delimiter: inspection.delimiter, ...file });
  try {
    for await (const block of readAgain(inspection, undefined, reporting('fix-file', inspection, onProgress))) {
      rejected?.keep({ ...inspection, reader: made.reader }, block);
      for (const { line, cells, notes, reading } of block) {
        if (reading.ok) continue;
        const text = reading.refusal.problems
          .map(({ column, message }) => (column === null ? message : `${column}: ${message}`))
          .join(' | ');
        await fix.write(made.reader.maskSecrets(cells, notes), notes === undefined ? text : `Row ${line}: ${text}`);
      }
    }
    await fix.finish();
    return true;
  } finally {
    await fix.abandon();
  }
}
