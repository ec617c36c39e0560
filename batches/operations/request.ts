/** What an operator asks for, as it crosses to the process that holds the ledger; and what that process answers. */
import { z } from 'zod';

const person = { by: z.string().min(1).max(200), reason: z.string().max(2000) };
/** Null: everything. */
const batchOrAll = z.string().nullable();
const recordId = z.string().min(1).max(512);

export const operationRequest = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('retry'),
    recordId,
    ...person,
    /** The bytes of the next attempt, sealed, in base64. */ sealedBody: z.string().optional(),
  }),
  z.strictObject({
    type: z.literal('resolve'),
    recordId,
    ...person,
    as: z.enum(['succeeded', 'failed', 'cancelled']),
    evidence: z.string().min(1).max(2000),
  }),
  z.strictObject({ type: z.literal('pause'), batchId: batchOrAll, ...person }),
  z.strictObject({ type: z.literal('resume'), batchId: batchOrAll, ...person }),
  z.strictObject({ type: z.literal('cancel'), batchId: z.string(), ...person }),
  z.strictObject({ type: z.literal('cancel_record'), recordId, ...person }),
]);

export type OperationRequest = z.infer<typeof operationRequest>;
export type OperationType = OperationRequest['type'];
export type RequestOf<Type extends OperationType> = Extract<OperationRequest, { type: Type }>;

/**
 * @property outcome `done`; `unchanged`: it was so already; `refused`: the state does not allow it; `missing`: no such record or batch
 * @property text for people, one sentence or more
 * @property data for programs
 */
export const operationAnswer = z.strictObject({
  outcome: z.enum(['done', 'unchanged', 'refused', 'missing']),
  text: z.string(),
  data: z.record(z.string(), z.json()),
});

export type OperationAnswer = z.infer<typeof operationAnswer>;
