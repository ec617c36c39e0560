/** Result events: what is reported to the world about an occurrence. Source of the format: docs/results.md. */
import { parseStrictJson, withNumbers } from '../fields/strict-json.ts';
import { z } from 'zod';
import { statuses } from './status.ts';

const fileSource = { file: z.string(), line: z.number().int().min(1) };
const topicSource = { topic: z.string(), partition: z.number().int().min(0), offset: z.string().regex(/^\d+$/) };
const source = z.union([z.strictObject(fileSource), z.strictObject(topicSource)]);
const problemMembers = { code: z.string(), description: z.string(), field: z.string().optional() };
const problem = z.strictObject(problemMembers);
const amountMembers = { amount: z.number().int().positive(), currency: z.string().length(3) };
const earlierMembers = { status: z.enum(statuses), batch_id: z.string() };

/** What writers hold to: one line of `results.jsonl`, one value on the results topic. Amounts are minor units. */
export const resultSchema = z
  .strictObject({
    event_id: z.uuid(),
    sequence: z.number().int().min(1),
    record_id: z.string().optional(),
    kind: z.enum(['payout', 'payment']).optional(),
    status: z.enum(statuses).exclude(['submitting']),
    final: z.boolean(),
    batch_id: z.string(),
    source,
    idempotency_key: z.uuid().optional(),
    attempt: z.number().int().min(1).optional(),
    amount_details: z.strictObject(amountMembers).optional(),
    key_lifetime_ms: z.number().positive().optional(),
    idempotency_header: z.string().optional(),
    session_id: z.string().optional(),
    entry_id: z.string().optional(),
    destination: z.string().optional(),
    metadata: z.union([z.string(), z.number(), z.record(z.string(), z.json())]).optional(),
    fingerprint: z.string().optional(),
    /** Number and hash of the entry in the record's audit trail that this event reports. */
    audit_number: z.number().int().min(1).optional(),
    audit_head: z.string().optional(),
    /** Who ended the record by a person's word. */
    resolved_by: z.string().optional(),
    /** What the payer has to do, as the gateway shows it. */
    next_action: z.record(z.string(), z.json()).optional(),
    ledger_mark: z.string().optional(),
    error: problem.optional(),
    errors: z.array(problem).optional(),
    earlier: z.strictObject({ ...earlierMembers, source }).optional(),
    fields: z.array(z.string()).optional(),
    occurred_at: z.iso.datetime(),
    /** Absent in events that are older than this member. */
    version: z.literal(1).optional(),
  })
  .meta({ title: 'disburse result event' });

const anySource = z.union([z.looseObject(fileSource), z.looseObject(topicSource)]);
const anyProblem = z.looseObject(problemMembers);

/** What readers hold to: members may be added under the same version, so a reader ignores those that it does not know. */
export const resultReaderSchema = z
  .looseObject({
    ...resultSchema.shape,
    source: anySource,
    amount_details: z.looseObject(amountMembers).optional(),
    error: anyProblem.optional(),
    errors: z.array(anyProblem).optional(),
    earlier: z.looseObject({ ...earlierMembers, source: anySource }).optional(),
  })
  .meta({ title: 'disburse result event' });

export type ResultEvent = z.infer<typeof resultSchema>;

/** Undefined for any other text, an event with a member twice, and one of a version that this reader does not know. */
export function readResultEvent(text: string): ResultEvent | undefined {
  try {
    return resultReaderSchema.safeParse(withNumbers(parseStrictJson(text))).data;
  } catch {
    return undefined;
  }
}
