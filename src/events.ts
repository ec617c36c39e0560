/**
 * For programs that write instructions or read results. Published as `disburse/events`: its names change only with a new
 * major version.
 */
import { createKeyDerivation, type EventName } from '../batches/record/idempotency-key.ts';
import type { Kind } from '../batches/instruction/instruction.ts';
import type { Status } from '../batches/record/status.ts';

export { instructionSchema } from '../batches/event/schema.ts';
export { readResultEvent, resultReaderSchema as resultSchema, type ResultEvent } from '../batches/record/result-event.ts';
export { summarySchema, type Summary } from '../batches/record/summary.ts';
export type { EventName, Kind, Status };

/**
 * The idempotency key that the gateway sees.
 *
 * @param project `GATEWAY_PROJECT`
 * @param attempt 1, unless an operator asked for another attempt
 */
export const idempotencyKey = (project: string, kind: Kind, recordId: string, attempt = 1): string =>
  createKeyDerivation(project).idempotencyKey(kind, recordId, attempt);

/**
 * The id of a result event. A `sequence` counts for statuses that are not final only.
 *
 * @param project `GATEWAY_PROJECT`
 */
export const eventId = (project: string, event: EventName): string => createKeyDerivation(project).eventId(event);
