/** One instruction, from wherever it came: what the ledger is asked about it, and what is done when it may be sent. */
import { advance, type StepDeps } from './advance.ts';
import { dispatch, type DispatchDeps } from './dispatch.ts';
import { serialise } from './request-body.ts';
import type { Fingerprints } from '../record/fingerprint.ts';
import type { ParseResult, InvalidInstruction } from '../instruction/instruction.ts';
import type { Admission, LedgerRecord } from '../record/record.ts';
import { rejectQueued } from '../record/transitions.ts';

export function toAdmission(fingerprints: Fingerprints, reading: ParseResult): Admission['content'] {
  if (!reading.ok) return { type: 'refused', refusal: reading.refusal };
  const { draft } = reading;
  return { type: 'valid', draft, fingerprint: fingerprints.fingerprint(draft), fields: fingerprints.fields(draft) };
}

/** Sends what was admitted; refuses what was valid then and is not any more. Answers the record afterwards. */
export function dispatchAdmitted(deps: DispatchDeps, record: LedgerRecord, reading: ParseResult): Promise<LedgerRecord> {
  // What a person retries is sent when it falls due, after a look at the session of the attempt before.
  if (record.attempt > 1) return Promise.resolve(record);
  return reading.ok ? dispatch(deps, record, serialise(reading.draft, record)) : rejectAdmitted(deps, record, reading.refusal);
}

/** Before it was sent: a card that expired meanwhile, a limit that was lowered. */
function rejectAdmitted(deps: StepDeps, record: LedgerRecord, refusal: InvalidInstruction): Promise<LedgerRecord> {
  const [{ code, message }] = refusal.problems;
  return advance(deps.ledger, record, (current) => rejectQueued(deps.settings, current, { code, description: message }, deps.clock.now()));
}
