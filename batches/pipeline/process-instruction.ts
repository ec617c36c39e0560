/** One instruction, from wherever it came: what the ledger is asked about it, and what is done when it may be sent. */
import { advance, dispatch, serialise } from './dispatch.ts';
import type { FingerprintMaker } from '../record/fingerprint.ts';
import type { FollowDeps } from './follow.ts';
import type { Reading, Refusal } from '../instruction/instruction.ts';
import type { Admission, LedgerRecord } from '../record/record.ts';
import { refuse } from '../record/transitions.ts';
import type { Publisher } from './outbox-relay.ts';

export interface PayDeps extends FollowDeps {
  readonly fingerprints: FingerprintMaker;
  readonly publisher: Publisher;
  /** When the way to the gateway closed; null while it is open. */
  readonly closedSince: () => number | null;
  /** Since when nothing has reached the gateway; null while something does. */
  readonly unreachableSince: () => number | null;
  readonly stop: (why: string) => void;
}

export function contentOf(fingerprints: FingerprintMaker, reading: Reading): Admission['content'] {
  if (!reading.ok) return { type: 'refused', refusal: reading.refusal };
  const { draft } = reading;
  return { type: 'valid', draft, fingerprint: fingerprints.fingerprint(draft), fields: () => fingerprints.fields(draft) };
}

/** Sends what was admitted; refuses what was valid then and is not any more. Answers the record afterwards. */
export const payAdmitted = (deps: PayDeps, record: LedgerRecord, reading: Reading): Promise<LedgerRecord> =>
  reading.ok ? dispatch(deps, record, serialise(reading.draft, record.attempt)) : refuseNow(deps, record, reading.refusal);

/** Before it was sent: a card that expired meanwhile, a limit that was lowered. */
function refuseNow(deps: PayDeps, record: LedgerRecord, refusal: Refusal): Promise<LedgerRecord> {
  const [{ code, message }] = refusal.problems;
  return advance(deps.ledger, record, (current) => refuse(deps.rules, current, { code, description: message }, deps.clock.now()));
}
