/** One call about a session of a record, and what its answer shows. */
import type { GatewayResponse } from '../gateway/gateway-response.ts';
import type { Limiter } from '../ports/limiter.ts';
import type { Tracer } from '../ports/tracer.ts';
import { readStatusCheck, type StatusEvidence } from '../record/evidence.ts';
import type { LedgerRecord } from '../record/record.ts';
import type { WaitReporter } from './notice.ts';
import type { RunControl, Slot } from './send.ts';
import { spanEnd, spanOf } from './spans.ts';

export interface CallPath {
  readonly followLimiter: Pick<Limiter, 'acquire' | 'pushBack'>;
  /** Apart from the slots of sends, which may wait long for their rate. */
  readonly followSlot: Slot;
  readonly tracer: Tracer;
  readonly waits: WaitReporter;
}

export type Call = 'status' | 'confirm' | 'capture' | 'cancel';

/** One call under the follow rate. Null when the run is stopping. */
export async function callGateway(
  deps: CallPath & RunControl,
  record: LedgerRecord,
  what: Call,
  call: () => Promise<GatewayResponse>,
): Promise<StatusEvidence | null> {
  try {
    await deps.followLimiter.acquire(deps.signal);
  } catch (cause) {
    if (deps.signal.aborted) return null;
    throw cause;
  }
  return deps.followSlot(async () => {
    if (deps.signal.aborted) return null;
    const span = deps.tracer.start(what, spanOf(record));
    const evidence = readStatusCheck(await call(), record);
    span.end(spanEnd(evidence));
    // The breaker learns from sends only: a gateway that shows old sessions may fail every new one.
    if (evidence.type === 'none' && evidence.retryAfterMs !== undefined) {
      deps.followLimiter.pushBack(evidence.retryAfterMs);
      deps.waits.started({ what: 'status checks', reason: evidence.reason, ms: evidence.retryAfterMs });
    }
    return evidence;
  });
}
