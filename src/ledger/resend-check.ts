/** What a ledger checks of a resend in the step that writes its intent. */
import type { IntentCheck } from '../../batches/record/change.ts';
import type { LedgerRecord } from '../../batches/record/record.ts';
import { isKeyRemembered } from '../../batches/record/resend-rules.ts';

/** Steps of a clock up to this are not noticed, so the age of a send may be that much higher than it seems. */
export const clockToleranceMs = 2_000;

/** @param at the ledger's own time */
export const mayResend = (record: LedgerRecord, { marginMs, clocks }: IntentCheck, at: number): boolean =>
  isKeyRemembered({ timeoutMs: marginMs + clockToleranceMs }, record, { at, machine: clocks });
