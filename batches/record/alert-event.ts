/** An alert as it is published: one line of the alerts file, one value on the alerts topic. */
import { z } from 'zod';
import { alertKinds, type Alert } from './alert.ts';
import type { KeyDerivation } from './idempotency-key.ts';

const amounts = z.object({ amount: z.number().int(), currency: z.string() });

export const alertSchema = z
  .object({
    event_id: z.uuid(),
    version: z.literal(1),
    alert: z.enum(alertKinds),
    record_id: z.string().optional(),
    batch_id: z.string().optional(),
    session_id: z.string().optional(),
    expected: z.object({ amount_details: amounts }).optional(),
    seen: z.object({ amount_details: z.array(amounts) }).optional(),
    description: z.string(),
    occurred_at: z.iso.datetime(),
  })
  .meta({ title: 'disburse alert event' });

export type AlertEvent = z.infer<typeof alertSchema>;

const detailsOf = ({ amount, currency }: { readonly amount: string; readonly currency: string }) => ({ amount: Number(amount), currency });

/** The same alert has the same id, whenever it is raised. @param at milliseconds since the epoch */
export const alertEvent = (keys: KeyDerivation, { alert, recordId, batchId, fact, ...about }: Alert, at: number): AlertEvent => ({
  event_id: keys.alertId({ alert, about: recordId, fact }),
  version: 1,
  alert,
  record_id: recordId,
  ...(batchId === null ? {} : { batch_id: batchId }),
  ...(about.sessionId === null ? {} : { session_id: about.sessionId }),
  ...(about.expected === null ? {} : { expected: { amount_details: detailsOf(about.expected) } }),
  ...(about.seen.length === 0 ? {} : { seen: { amount_details: about.seen.map(detailsOf) } }),
  description: about.description,
  occurred_at: new Date(at).toISOString(),
});
