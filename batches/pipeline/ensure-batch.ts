import type { Occurrence } from '../instruction/instruction.ts';
import type { Ledger } from '../ports/ledger.ts';

/** The batches whose events an instance has met; older ones are asked for again. */
const defaultCapacity = 10_000;

/** The part of a ledger that opens batches; what it returns is not needed here. */
export interface BatchOpening {
  openBatch(manifest: Parameters<Ledger['openBatch']>[0]): Promise<unknown>;
}

export interface BatchOfEvent {
  readonly batchId: string;
  readonly occurrence: Occurrence;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** Opens the batch of an event or finds it. The batch of a file was opened by the process that published its rows. */
export const openEventBatch = (ledger: BatchOpening, { batchId, occurrence: { source }, at }: BatchOfEvent): Promise<unknown> =>
  ledger.openBatch({
    batchId,
    file: 'file' in source ? source.file : source.topic,
    policy: null,
    encoding: 'utf-8',
    delimiter: '',
    bytes: 0,
    blockDigests: [],
    at,
  });

/** Opens each batch once, as far as it remembers. A failure is not remembered: the next event tries again. */
export function createBatchOpener(ledger: BatchOpening, capacity = defaultCapacity): (batch: BatchOfEvent) => Promise<unknown> {
  const known = new Map<string, Promise<unknown>>();
  return (batch) => {
    const { batchId } = batch;
    const found = known.get(batchId);
    if (found !== undefined) return found;
    const opening = openEventBatch(ledger, batch).catch((cause: unknown) => {
      known.delete(batchId);
      throw cause;
    });
    known.set(batchId, opening);
    const [oldest] = known.keys();
    if (known.size > capacity && oldest !== undefined) known.delete(oldest);
    return opening;
  };
}
