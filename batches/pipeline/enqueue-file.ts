/**
 * Enqueues a file for the instances that pay: valid rows become messages of the instructions topic, each with its
 * file and line; invalid rows are written to the ledger. When it is interrupted and run again, it continues after the
 * last stored block; a row that was published twice in between is the same occurrence and is paid once.
 */
import type { ValidInstruction } from '../instruction/instruction.ts';
import type { SharedLedger } from '../ports/ledger.ts';
import { sealCards } from '../event/sealed-cards.ts';
import type { OutboxRelay } from './outbox-relay.ts';
import { receivedOf } from '../record/tally.ts';
import { admitRows, rejectAllQueued, decideAllOrNothing, type AdmitDeps, type FileParams } from './admit-file.ts';

/** A message for the instructions topic. */
export interface InstructionMessageOut {
  readonly key: string;
  readonly value: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Seals bytes so that only this record's instruction opens them. */
export type SealForRecord = (bytes: Uint8Array, recordId: string) => Uint8Array;

export interface EnqueueDeps extends AdmitDeps {
  readonly ledger: AdmitDeps['ledger'] & Pick<SharedLedger, 'enqueueProgress' | 'saveEnqueueProgress' | 'tallies' | 'record'>;
  readonly publisher: Pick<OutboxRelay, 'notify' | 'published'>;
  readonly seal: SealForRecord;
  /** Resolves when the message is surely on the topic. */
  readonly publish: (message: InstructionMessageOut) => Promise<void>;
  /** Whether nothing waits on the topic any more. */
  readonly isTopicDone: () => Promise<boolean>;
}

/** @returns true when the whole file was handed over; false when stopped before */
export async function enqueueFile(deps: EnqueueDeps, params: FileParams & { readonly rowsTotal: number }): Promise<boolean> {
  const { ledger, signal } = deps;
  const { batchId } = params.batch;
  const before = await ledger.enqueueProgress(batchId);
  if (before.rows !== null) return enqueueMissing(deps, params, before.rows);

  const phase = await decideAllOrNothing(deps, params);
  if (phase === 'admitting') return false;
  if (phase === 'refused') await rejectAllQueued(deps, batchId);
  let { line } = before;
  if (phase === 'released') {
    for await (const block of params.rows()) {
      const rows = block.filter((row) => row.line > line);
      const last = rows.at(-1);
      if (last === undefined) continue;
      if (signal.aborted) return false;
      const bad = rows.filter(({ reading }) => !reading.ok);
      await Promise.all([
        bad.length === 0 ? undefined : admitRows(deps, params, bad, (row) => row.reading),
        ...rows.map(({ line: at, reading }) => (reading.ok ? publishRow(deps, params, at, reading.draft) : undefined)),
      ]);
      line = last.line;
      await ledger.saveEnqueueProgress({ batchId, line, rows: null });
    }
  }
  if (signal.aborted) return false;
  await deps.publisher.published();
  await ledger.saveEnqueueProgress({ batchId, line, rows: params.rowsTotal });
  return true;
}

/**
 * All of it was handed over before. When nothing waits on the topic and the ledger still has not seen some of it, the
 * topic was lost, or it was another one: that part is published once more. It is the same occurrence, and paid once.
 */
async function enqueueMissing(deps: EnqueueDeps, params: FileParams, rowsTotal: number): Promise<boolean> {
  const { ledger, signal } = deps;
  const isSeen = async (): Promise<boolean> => receivedOf(await ledger.tallies(params.batch.batchId)).count >= rowsTotal;
  // Asked in this order: what was taken off the topic in between has been seen then.
  if ((await isSeen()) || !(await deps.isTopicDone()) || (await isSeen())) return true;
  for await (const block of params.rows()) {
    if (signal.aborted) return false;
    await Promise.all(
      block.map(async ({ line, reading }) => {
        if (!reading.ok || (await ledger.record(reading.draft.recordId)) !== undefined) return;
        await publishRow(deps, params, line, reading.draft);
      }),
    );
  }
  return true;
}

/** The span is the beginning of the instruction's trace, which goes on where the message is consumed. */
async function publishRow(deps: EnqueueDeps, params: FileParams, line: number, draft: ValidInstruction): Promise<void> {
  const span = deps.tracer.start('enqueue', { attributes: { 'disburse.record_id': draft.recordId } });
  const { traceparent } = span;
  const message = toInstructionMessage(deps, params, line, draft);
  await deps.publish(traceparent === undefined ? message : { ...message, headers: { ...message.headers, traceparent } });
  span.end();
}

/** The message of one good row. */
export function toInstructionMessage(
  { seal }: Pick<EnqueueDeps, 'seal'>,
  { batch }: Pick<FileParams, 'batch'>,
  line: number,
  draft: ValidInstruction,
): InstructionMessageOut {
  const { recordId, kind, metadata } = draft;
  const body = draft.hasCardNumber ? sealCards(draft.body, (bytes) => seal(bytes, recordId)) : draft.body;
  return {
    key: recordId,
    value: JSON.stringify({ record_id: recordId, kind, ...(metadata === undefined ? {} : { metadata }), ...body }),
    headers: { source_file: batch.file, source_line: String(line), batch_id: batch.batchId },
  };
}
