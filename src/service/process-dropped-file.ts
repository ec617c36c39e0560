/**
 * A file of the drop folder, from its acknowledgement to its results. Moving it between the folders is in
 * `consumers/drop-folder`; how it is paid differs by profile and is passed in.
 */
import { readFile } from 'node:fs/promises';
import type { Mapping } from '../../batches/csv-row/mapping.ts';
import type { Clock } from '../../batches/ports/clock.ts';
import { byStatus, type TallyRow } from '../../batches/record/tally.ts';
import { alertOf, type Alert } from '../../batches/record/alert.ts';
import type { LedgerRecord, Reason } from '../../batches/record/record.ts';
import type { ResultEvent } from '../../batches/record/result-event.ts';
import type { DroppedFile, Verdict } from '../../consumers/drop-folder/drop-folder.ts';
import { payoutEndings } from '../../consumers/drop-folder/names.ts';
import type { Settings } from '../config/variables.ts';
import { CommandError } from '../exit.ts';
import { brokenReport, report } from '../files/validation-report.ts';
import { brokenText, validationText } from '../files/validation-text.ts';
import type { Logger } from '../logger.ts';
import { checkManifest, type ManifestCheck, type ManifestDeps } from './check-manifest.ts';
import type { RejectedRows } from '../files/rejected-rows.ts';
import { inspect, writeFixFile, type BrokenFile, type Inspection } from '../files/payout-file.ts';

export interface InboxDeps extends ManifestDeps {
  readonly clock: Clock;
  readonly maxAmount: Settings['MAX_AMOUNT'];
  readonly maxBatchTotal: Settings['MAX_BATCH_TOTAL'];
  /** Of every file of the folder; null for files with our own names. */
  readonly mapping: Mapping | null;
  /** Rows that were rejected before; null when they cannot be compared. */
  readonly rejected: RejectedRows | null;
  readonly logger: Logger;
  /** Pays or enqueues; resolves when nothing of the batch moves by itself, `stopped` when we are stopping before. */
  readonly pay: (inspection: Inspection, signal: AbortSignal, notBefore: number | undefined) => Promise<'rested' | 'stopped'>;
  /** Writes every row's newest result as CSV. */
  readonly writeResults: (batchId: string, path: string) => Promise<unknown>;
  readonly tallies: (batchId: string) => Promise<readonly TallyRow[]>;
  /** Ends what is not sent of the batch. */
  readonly cancelQueued: (batchId: string, reason: Reason) => Promise<number>;
  /** Rows of the batch that were paid before with other content. */
  readonly conflicts: (batchId: string) => AsyncIterable<ResultEvent>;
  readonly record: (recordId: string) => Promise<LedgerRecord | undefined>;
  readonly alert: (alert: Alert) => Promise<void>;
  /** By the name of a file that changed after it was taken: the batch of what was read of it then. */
  readonly parts: Map<string, string>;
}

const plain = (_style: unknown, text: string): string => text;

/** @returns which folder the file belongs to now; `left`: it stays in `processing/`, or goes back when it has changed */
export async function processDroppedFile(deps: InboxDeps, file: DroppedFile): Promise<Verdict> {
  const outcome = await read(deps, file);
  if (outcome === null) return 'left';
  await endFormerReading(deps, file, outcome.ok ? outcome.inspection.sha256 : null);
  if (!outcome.ok) return refuse(deps, file, outcome.broken);
  const { inspection } = outcome;
  const batchId = inspection.sha256;
  const manifest = await checkedManifest(deps, file, inspection);
  if (manifest === null) return 'left';
  if (!manifest.ok) return refuse(deps, file, brokenBy(inspection, manifest.problems));
  await acknowledge(file, { ...report(inspection), batch_id: batchId }, validationText(inspection, plain));
  deps.logger.info({ file: file.name, batch_id: batchId, rows: inspection.preflight.rows }, 'a dropped file is being paid');
  const end = await payWhole(deps, file, inspection, manifest);
  if (end !== 'rested') return end === 'stopped' ? 'left' : 'refused';
  await writeFixFile(inspection, file.pathOf('errors.csv'), { rejected: deps.rejected });
  await deps.writeResults(batchId, file.pathOf('results.csv'));
  await reportChangedRows(deps, file, batchId);
  const counts = Object.fromEntries(Object.entries(byStatus(await deps.tallies(batchId))).filter(([, { count }]) => count > 0));
  deps.logger.info({ file: file.name, batch_id: batchId, statuses: counts }, 'a dropped file is done');
  return 'done';
}

/** Null when it was ended before it was read. */
async function read(
  { clock, maxAmount, maxBatchTotal, mapping, rejected }: InboxDeps,
  { path, signal }: DroppedFile,
): Promise<Awaited<ReturnType<typeof inspect>> | null> {
  try {
    return await inspect({
      path,
      signal,
      reading: { now: clock.now(), ...(maxAmount === undefined ? {} : { maxAmount }), ...(mapping === null ? {} : { mapping }) },
      maxBatchTotal,
      rejected,
      expected: null,
      onProgress: () => undefined,
    });
  } catch (cause) {
    if (signal.aborted) return null;
    throw cause;
  }
}

/** Null when it was ended while it waited for the number before its own. */
async function checkedManifest(deps: InboxDeps, file: DroppedFile, inspection: Inspection): Promise<ManifestCheck | null> {
  try {
    return await checkManifest(deps, file, inspection);
  } catch (cause) {
    if (file.signal.aborted) return null;
    throw cause;
  }
}

const brokenBy = (
  { file, sha256, encoding, delimiter, preflight: { rows } }: Inspection,
  problems: BrokenFile['problems'],
): BrokenFile => ({
  ...{ file, sha256, encoding, delimiter, rows, problems },
  advice: null,
});

async function refuse({ logger, parts }: InboxDeps, file: DroppedFile, broken: BrokenFile): Promise<'refused'> {
  // The rest of a file that was taken too early begins without a header.
  const wasTaken = parts.has(file.name) || (await file.hasNamesake());
  const hint = wasTaken
    ? ` A file of this name ended less than an hour ago. If this is the rest of it, drop the whole file again: write it as ${file.name}.part and rename it when it is complete, or set INBOX_REST or INBOX_REQUIRE=ready.`
    : '';
  const refused = { ...brokenReport(broken), batch_id: null, ...(wasTaken ? { advice: hint.trim() } : {}) };
  await acknowledge(file, refused, `${brokenText(broken, plain)}${hint}`);
  const [first] = broken.problems;
  logger.warn(
    { file: file.name, code: first?.code, line: first?.line, errors: broken.problems.length },
    `a dropped file is refused, and nothing is paid from it: ${first?.message ?? ''} All errors are in ${file.name}.ack.txt.${hint}`,
  );
  return 'refused';
}

/** `refused`: its bytes were read in another way before. */
async function payWhole(
  deps: InboxDeps,
  file: DroppedFile,
  inspection: Inspection,
  { notBefore, release }: Extract<ManifestCheck, { ok: true }>,
): Promise<'rested' | 'stopped' | 'refused'> {
  const batchId = inspection.sha256;
  try {
    const end = await deps.pay(inspection, file.signal, notBefore);
    if (!(await endPart(deps, file, batchId))) return end;
    await release();
    return 'stopped';
  } catch (cause) {
    if (await endPart(deps, file, batchId)) {
      await release();
      return 'stopped';
    }
    // Foreseen, and no reason to try again.
    if (!(cause instanceof CommandError)) throw cause;
    await release();
    const told = { ...report(inspection), batch_id: batchId, refused: cause.message };
    await acknowledge(file, told, `${validationText(inspection, plain)}\n\nRefused: ${cause.message}`);
    deps.logger.warn({ file: file.name, batch_id: batchId }, cause.message);
    return 'refused';
  }
}

/**
 * A process that was killed left the file here, and it has changed since: the acknowledgement of the former reading names
 * its batch. What is queued there would never be sent, and keeps its record ids from the whole file.
 */
async function endFormerReading(deps: InboxDeps, file: DroppedFile, batchId: string | null): Promise<void> {
  const former = await acknowledgedBatch(file.pathOf('ack.json'));
  if (former !== null && former !== batchId) await endReading(deps, file, former);
}

/** What was read was only a part: nothing more of it is sent, and its record ids are free for the whole file. */
async function endPart(deps: InboxDeps, file: DroppedFile, batchId: string): Promise<boolean> {
  if (!(await file.hasChanged())) return false;
  await endReading(deps, file, batchId);
  return true;
}

async function endReading({ cancelQueued, logger, parts }: InboxDeps, { name }: DroppedFile, batchId: string): Promise<void> {
  parts.set(name, batchId);
  const description = `${name} changed after it was taken, so this reading of it is not paid any further. The whole file is read again.`;
  const cancelled = await cancelQueued(batchId, { code: 'file_changed', description });
  logger.warn({ file: name, batch_id: batchId, cancelled }, description);
}

/** A row that was read in part before and is different now was paid as it was. */
async function reportChangedRows({ conflicts, record, alert, parts }: InboxDeps, { name }: DroppedFile, batchId: string): Promise<void> {
  const part = parts.get(name);
  parts.delete(name);
  if (part === undefined || part === batchId) return;
  for await (const { record_id: recordId, source, fields = [], earlier, amount_details: amount } of conflicts(batchId)) {
    const known = recordId === undefined || earlier?.batch_id !== part ? undefined : await record(recordId);
    if (known === undefined) continue;
    const line = 'line' in source ? ` (line ${source.line})` : '';
    const seen = amount === undefined ? [] : [{ amount: String(amount.amount), currency: amount.currency }];
    const description = `${name}${line} was read before the file was complete, and differs now in ${fields.join(', ')}. It was handled as it was then: compare both.`;
    await alert({ ...alertOf('file_changed', known, { sessionId: null, fact: batchId, seen, description }), batchId });
  }
}

async function acknowledge(file: DroppedFile, value: unknown, text: string): Promise<void> {
  await file.write('ack.json', `${JSON.stringify(value)}\n`);
  await file.write('ack.txt', `${text}\n`);
}

/** A file that ended changed afterwards, and is back: its acknowledgement names the batch of what was read of it. */
export async function noteReturned(
  parts: Map<string, string>,
  { path, name }: { readonly path: string; readonly name: string },
): Promise<void> {
  const batchId = await acknowledgedBatch(`${path}.ack.json`);
  if (batchId !== null) parts.set(name, batchId);
}

/** @returns null where there is no acknowledgement, or it names no batch */
async function acknowledgedBatch(path: string): Promise<string | null> {
  try {
    const { batch_id: batchId } = JSON.parse(await readFile(path, 'utf8')) as { readonly batch_id?: unknown };
    return typeof batchId === 'string' ? batchId : null;
  } catch {
    return null;
  }
}

/** The answer to a file that is not taken because of its name. */
export const otherFileText = (name: string): string =>
  /\.(?:xls|xlsm|xlsb|ods|numbers)$/i.test(name)
    ? `${name} is not paid: it is a spreadsheet in a form that is not read. Save it as .xlsx or as CSV UTF-8 and drop that file.\n`
    : `${name} is not paid: the name of a payout file ends in ${payoutEndings}. If it is one, rename it, such as to ${name.replace(/\.[^.]*$/, '').replace(/\.csv$/i, '')}.csv.\n`;
