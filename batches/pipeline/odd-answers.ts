/** What a record shows when a call about its session was not answered as it should be. */
import { deliveryOf } from '../gateway/gateway-response.ts';
import type { Failure } from '../record/evidence.ts';
import type { LedgerRecord, Reason } from '../record/record.ts';

const nounOf = { confirm: 'confirmation', capture: 'capture' } as const;

/** Calls about a session before an odd answer to one of them is worth a reason. */
const oddAnswers = 2;

/** Whether an answer concerns this session, and is no passing one: what any call would meet says nothing of it. */
const isTelling = ({ code }: Failure, { checks }: LedgerRecord): boolean =>
  checks >= oddAnswers && !(code in deliveryOf) && code !== 'too_many_requests' && code !== 'server_error';

/** Why a record still waits although its session was asked for. */
export function whyNothingShown(failure: Failure, record: LedgerRecord, sessionId: string): Reason | undefined {
  const { code, reason } = failure;
  if (code === 'answer_untrusted') return reason;
  if (!isTelling(failure, record)) return undefined;
  return {
    code: 'session_not_shown',
    description: `The gateway does not show session ${sessionId}; it is asked again. It answered ${reason.code}: ${reason.description}`,
  };
}

/** Why a session still waits though its confirmation or capture was sent. */
export function whyNotDone(
  failure: Failure,
  record: LedgerRecord,
  { sessionId, what }: { readonly sessionId: string; readonly what: 'confirm' | 'capture' },
): Reason | undefined {
  const { reason } = failure;
  if (!isTelling(failure, record)) return undefined;
  const noun = nounOf[what];
  return {
    code: what === 'confirm' ? 'confirmation_refused' : 'capture_refused',
    description: `The gateway did not accept the ${noun} of session ${sessionId}; its status is checked again. It answered ${reason.code}: ${reason.description}`,
  };
}
