/** The intent that a new record gets in the step that admits it. */
import type { Change } from './change.ts';
import type { AdmissionRules } from './admission.ts';
import type { LedgerRecord, MachineClocks } from './record.ts';
import type { ResendSettings } from './resend-rules.ts';
import { recordIntent } from './transitions.ts';

/**
 * What the intent of a new record is decided with, before the record is there: plain data, as all that a ledger receives.
 *
 * @property idempotencyKey the key of the request that was signed
 * @property at milliseconds since the epoch
 * @property clocks those of this machine
 * @property bytes the body of the request
 */
export interface FirstIntent {
  readonly idempotencyKey: string;
  readonly owner: string;
  readonly at: number;
  readonly clocks: MachineClocks;
  readonly leaseMs: number;
  readonly bytes: Uint8Array;
  readonly terms: Pick<ResendSettings, 'keyLifetimeMs' | 'idempotencyHeader' | 'timeoutMs'>;
}

/**
 * The change that makes the record `submitting`, as `recordIntent` decides it.
 *
 * @param record as it is admitted
 * @throws TypeError when the request was signed under another key than the record has
 */
export function decideFirstIntent({ audit }: Pick<AdmissionRules, 'audit'>, record: LedgerRecord, intent: FirstIntent): Change {
  checkIntentKey(record, intent);
  const { idempotencyKey: _checked, terms, ...params } = intent;
  return recordIntent(record, { ...params, terms: { ...terms, audit } });
}

/** @throws TypeError when the request was signed under another key than the record has */
export function checkIntentKey({ recordId, idempotencyKey }: Pick<LedgerRecord, 'recordId' | 'idempotencyKey'>, intent: FirstIntent): void {
  if (idempotencyKey !== intent.idempotencyKey) throw new TypeError(`the request of ${recordId} was signed under another key`);
}
