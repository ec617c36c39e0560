/** The rows of a file on their way into the ledger, and what is decided for the whole of it before anything is sent. */
import { batchRejected } from '../record/admission.ts';
import { advance, type StepDeps } from './advance.ts';
import type { Fingerprints } from '../record/fingerprint.ts';
import type { Occurrence, Problem, ParseResult, InvalidInstruction } from '../instruction/instruction.ts';
import type { Batch } from '../record/batch.ts';
import type { Ledger } from '../ports/ledger.ts';
import type { Tracer } from '../ports/tracer.ts';
import { isSameFingerprint } from '../record/packed.ts';
import type { Admission, Verdict } from '../record/record.ts';
import { rejectQueued } from '../record/transitions.ts';
import type { OutboxRelay } from './outbox-relay.ts';
import { toAdmission } from './process-instruction.ts';
import { admissionEnd } from './spans.ts';

/** A row as it is handed to the ledger. */
export interface FileRow {
  readonly line: number;
  readonly reading: ParseResult;
}

export interface AdmitDeps extends StepDeps {
  readonly ledger: Pick<Ledger, 'admit' | 'advance' | 'list' | 'updateBatch'>;
  readonly fingerprints: Fingerprints;
  readonly publisher: Pick<OutboxRelay, 'notify'>;
  readonly signal: AbortSignal;
  readonly tracer: Tracer;
}

export interface FileParams {
  readonly batch: Batch;
  /** Reads the file again from its beginning; every block is verified before its rows are handed out. */
  readonly rows: () => AsyncIterable<readonly FileRow[]>;
  /** Whether the preflight found rows that are not valid. */
  readonly hasBadRows: boolean;
}

const listLimit = 256;

/** All or nothing: decides for the whole batch before the first byte of it is sent. */
export async function decideAllOrNothing(deps: AdmitDeps, params: FileParams): Promise<Batch['phase']> {
  const { batch } = params;
  if (batch.phase === 'released') return 'released';
  let refused = batch.phase === 'refused' || params.hasBadRows;
  if (!refused) {
    for await (const rows of params.rows()) {
      if (deps.signal.aborted) return 'admitting';
      const verdicts = await admitRows(deps, params, rows, (row) => row.reading);
      refused ||= verdicts.some(
        (verdict) =>
          verdict.type === 'totals_full' ||
          verdict.type === 'place_taken' ||
          (verdict.type === 'settled' && (verdict.status === 'conflict' || verdict.status === 'rejected')),
      );
    }
  }
  const phase = refused ? 'refused' : 'released';
  await deps.ledger.updateBatch({ batchId: batch.batchId, phase, at: deps.clock.now() });
  if (phase === 'refused') {
    const problem = batchRejected('it contains rows that cannot be paid');
    for await (const rows of params.rows()) {
      if (deps.signal.aborted) return 'admitting';
      await admitRows(deps, params, rows, (row) => rejectWithBatch(row.reading, problem));
    }
  }
  return phase;
}

/** A good row falls with its batch; a bad one keeps its own problems. */
const rejectWithBatch = (reading: ParseResult, problem: Problem): ParseResult =>
  reading.ok ? { ok: false, refusal: { ...reading.draft, problems: [problem] } satisfies InvalidInstruction } : reading;

/** Every row that waits ends rejected. */
export async function rejectAllQueued(deps: AdmitDeps, batchId: string): Promise<void> {
  const { code, message } = batchRejected('it contains rows that cannot be paid');
  for (;;) {
    const found = await deps.ledger.list({ batchId, status: 'queued', limit: listLimit });
    if (found.length === 0 || deps.signal.aborted) return;
    const at = deps.clock.now();
    await Promise.all(
      found.map(({ record }) =>
        advance(deps.ledger, record, (current) => rejectQueued(deps.settings, current, { code, description: message }, at)),
      ),
    );
    deps.publisher.notify();
  }
}

/** What is sent is what was admitted, which a person may have approved: the same bytes could be read otherwise by another version. */
function assertAsAdmitted(verdict: Verdict, admission: Admission | undefined): void {
  if (verdict.type !== 'admitted' || admission?.content.type !== 'valid') return;
  const { fingerprint, recordId, occurrence } = verdict.record;
  if (isSameFingerprint(fingerprint, admission.content.fingerprint)) return;
  throw new RangeError(
    `line ${occurrence.position} (record ${recordId}) reads differently than when it was admitted, so it is not sent. Run the file with the version and the options of its first run, or cancel the batch and submit a corrected file.`,
  );
}

/** A block of rows into the ledger, in one durable group. */
export async function admitRows(
  deps: AdmitDeps,
  params: FileParams,
  rows: readonly FileRow[],
  readingOf: (row: FileRow) => ParseResult,
): Promise<readonly Verdict[]> {
  const { batchId, file } = params.batch;
  const at = deps.clock.now();
  const spans = rows.map(() => deps.tracer.start('instruction'));
  const admissions = rows.map((row, index) => {
    const traceparent = spans[index]?.traceparent;
    const source = { file, line: row.line, ...(traceparent === undefined ? {} : { traceparent }) };
    const occurrence: Occurrence = { stream: `file:${batchId}`, position: row.line, source };
    return { occurrence, batchId, at, content: toAdmission(deps.fingerprints, readingOf(row)) };
  });
  const verdicts = await deps.ledger.admit(admissions);
  if (deps.tracer.isOn) for (const [index, row] of rows.entries()) spans[index]?.end(admissionEnd(row.reading, verdicts[index]));
  for (const [index, verdict] of verdicts.entries()) assertAsAdmitted(verdict, admissions[index]);
  if (verdicts.some((verdict) => verdict.type === 'settled' && verdict.fresh)) deps.publisher.notify();
  return verdicts;
}
