/** What was not sent of a batch ends: its record ids are free again, so that a later file can pay them. */
import type { Ledger } from '../ports/ledger.ts';
import type { Reason } from '../record/record.ts';
import { cancelQueued } from '../record/transitions.ts';
import { advance, type StepDeps } from './advance.ts';
import type { OutboxRelay } from './outbox-relay.ts';

export type CancelQueuedDeps = StepDeps & {
  readonly ledger: Pick<Ledger, 'advance' | 'list'>;
  readonly publisher: Pick<OutboxRelay, 'notify'>;
};

const listLimit = 256;

/** @returns how many records were cancelled; what is being sent meanwhile is left alone */
export async function cancelAllQueued(deps: CancelQueuedDeps, batchId: string, reason: Reason): Promise<number> {
  let cancelled = 0;
  let after = 0;
  for (;;) {
    const found = await deps.ledger.list({ batchId, status: 'queued', limit: listLimit, after });
    const last = found.at(-1);
    if (last === undefined) return cancelled;
    const at = deps.clock.now();
    const ended = await Promise.all(
      found.map(({ record }) => advance(deps.ledger, record, (current) => cancelQueued(deps.settings, current, reason, at))),
    );
    cancelled += ended.filter(({ status }) => status === 'cancelled').length;
    after = last.cursor;
    deps.publisher.notify();
  }
}
