/** What an operator asks for, as it crosses to the process that holds the ledger; and what that process answers. */
import { z } from 'zod';
import { alertKinds } from '../record/alert.ts';

/** `from`: where the person is, such as the address of a browser. */
const person = { by: z.string().min(1).max(200), reason: z.string().max(2000), from: z.string().min(1).max(200).optional() };
/** Null: everything. */
const batchOrAll = z.string().nullable();
const recordId = z.string().min(1).max(512);
const minor = z.string().regex(/^-?\d{1,30}$/);
const limits = z.record(z.string().regex(/^[A-Z]{3}$/), z.string().regex(/^\d{1,30}$/));
const shownAmount = z.strictObject({ amount: minor, currency: z.string() });

export const operationRequest = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('retry'),
    recordId,
    ...person,
    /** The bytes of the next attempt, sealed, in base64. */ sealedBody: z.string().optional(),
    /** The body is of other content: its fingerprint and masked destination. */
    amendment: z.strictObject({ fingerprint: z.string(), destination: z.string().optional() }).optional(),
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
  z.strictObject({
    type: z.literal('approve'),
    batchId: z.string(),
    /** Of the valid rows of the file, as `validate` shows them. */
    expect: z.array(z.strictObject({ currency: z.string(), count: z.int(), amountMinor: z.string().regex(/^\d{1,30}$/) })),
    ...person,
  }),
  z.strictObject({ type: z.literal('refuse'), batchId: z.string(), ...person }),
  z.strictObject({
    type: z.literal('loosen'),
    /** Null: without a limit. */
    change: z.strictObject({
      maxBatchTotal: limits.nullable().optional(),
      maxDayTotal: limits.nullable().optional(),
      approval: z.literal('none').optional(),
      confirm: z.literal('match').optional(),
    }),
    ...person,
  }),
  z.strictObject({ type: z.literal('cancel'), batchId: z.string(), ...person }),
  z.strictObject({ type: z.literal('cancel_record'), recordId, ...person }),
  z.strictObject({ type: z.literal('capture'), recordId, ...person }),
  z.strictObject({ type: z.literal('acknowledge'), recordId, ...person }),
  /** A row of the gateway's report that ends the record, as it was in this version. */
  z.strictObject({
    type: z.literal('report_row'),
    recordId,
    version: z.int(),
    row: z.strictObject({
      sessionId: z.string(),
      operationId: z.string(),
      amountMinor: minor,
      currency: z.string(),
      merchantMetadata: z.string(),
    }),
  }),
  z.strictObject({
    type: z.literal('raise_alert'),
    alert: z.strictObject({
      alert: z.enum(alertKinds),
      recordId,
      batchId: z.string().nullable(),
      fact: z.string(),
      sessionId: z.string().nullable(),
      expected: shownAmount.nullable(),
      seen: z.array(shownAmount),
      description: z.string(),
    }),
  }),
  /** Resolves when everything that was decided before is published. */
  z.strictObject({ type: z.literal('publish') }),
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
