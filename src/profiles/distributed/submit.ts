/** A file in the distributed profile: it is enqueued, and the ledger is watched until other instances have paid it. */
import { enqueueFile, type EnqueueDeps } from '../../../batches/pipeline/enqueue-file.ts';
import { waitUntilSettled, type SettlementEnd } from '../../../batches/pipeline/batch-settlement.ts';
import { writeBatchState } from '../../../batches/pipeline/batch-state.ts';
import { readAgain } from '../../files/payout-file.ts';
import { isFullyCommitted } from '../../kafka/consumer-group.ts';
import { createTopicSeal } from '../../ledger/seal.ts';
import { pauseOf, type SetPause } from '../../../batches/record/pause.ts';
import { holdOf, type Hold } from '../../../batches/record/gates.ts';
import type { SubmitRequest } from '../profile.ts';
import type { Clock } from '../../../batches/ports/clock.ts';
import type { Ledger } from '../../../batches/ports/ledger.ts';
import type { Connected } from './connect.ts';

/** What enqueueing takes from the open connections. */
export function topicOf(
  { createKafka, topicPublisher, topics, ledgerKey }: Connected,
  groupId: string,
): Pick<EnqueueDeps, 'seal' | 'publish' | 'isTopicDone'> {
  return {
    seal: createTopicSeal(ledgerKey).close,
    isTopicDone: () => isFullyCommitted(createKafka, groupId, topics.instructions),
    async publish({ key, value, headers }) {
      const partition = await topicPublisher.partitionFor(topics.instructions, key);
      await topicPublisher.publish({ topic: topics.instructions, partition, key, value, headers });
    },
  };
}

export interface SubmitToTopicParams extends SubmitRequest {
  /** Gives up when no row was received for so long; null: never. */
  readonly idleTimeoutMs: number | null;
  readonly detach: boolean;
  readonly onPaused?: (pause: SetPause) => void;
  readonly onLook?: (received: number, sent: boolean) => void;
}

/** Enqueueing, and watching the ledger afterwards. */
export type SubmitDeps = Omit<EnqueueDeps, 'signal'> & {
  readonly ledger: Pick<Ledger, 'batch' | 'due' | 'pauses' | 'gates' | 'terms'>;
  readonly clock: Clock;
};

export async function submitToTopic(deps: SubmitDeps, params: SubmitToTopicParams): Promise<SettlementEnd | 'enqueued'> {
  const { batch, inspection, signal, detach } = params;
  const { ledger, clock } = deps;
  const { batchId } = batch;
  const { rows, errorsTotal } = inspection.preflight;
  const file = { batch, rows: () => readAgain(inspection), hasBadRows: errorsTotal > 0, rowsTotal: rows };
  if (!(await enqueueFile({ ...deps, signal }, file))) return 'stopped';
  if (detach) return 'enqueued';
  const pauses = async (): Promise<SetPause | undefined> => pauseOf(await ledger.pauses(), batchId);
  const hold = async (): Promise<Hold | null> =>
    holdOf(batchId, { gates: await ledger.gates(), terms: await ledger.terms(batchId), now: clock.now() });
  const heldMs = params.isOneOfMany === true ? params.waitMs : 0;
  const end = await waitUntilSettled({ ...params, ledger, clock, batchId, rows, pauseOf: pauses, holdOf: hold, heldMs });
  await writeBatchState(ledger, { batchId, rows, stopped: end === 'stopped' || end === 'stalled' || end === 'paused', at: clock.now() });
  return end;
}
