/** Moves what falls due: looks, confirmations and repeats, a bounded number of them at once. */
import type { LedgerRecord } from '../record/record.ts';
import { follow } from './follow.ts';
import type { PipelineDeps } from './process-instruction.ts';

export interface DueWorkerParams {
  /** Records whose time has come, at most `limit`, and when the next one's comes. */
  readonly due: (limit: number) => Promise<{ readonly records: readonly LedgerRecord[]; readonly nextAt: number | null }>;
  /** What `due` answered is hidden from others, and from us, for a while: no more is asked for than is begun at once. */
  readonly claims?: boolean;
  /** How long a gateway may stay unreachable before the run stops; null: for ever. */
  readonly waitMs: number | null;
}

export interface DueWorker {
  /** Resolves when nothing open can move by itself any more, when `deadline` is over, or when we are stopping. */
  settled(deadline: number): Promise<void>;
  /** Begins nothing more, waits for what is under way, and rejects with the first failure. */
  stop(): Promise<void>;
}

/** Between two looks at what is due and at the way to the gateway. */
const tickMs = 100;
const window = 128;

export function startDueWorker(deps: PipelineDeps, { due, waitMs, claims = false }: DueWorkerParams): DueWorker {
  const underWay = new Set<string>();
  let nextAt: number | null = null;
  let looked = false;
  let ended = false;
  let failure: { readonly cause: unknown } | undefined;

  const fail = (cause: unknown): void => {
    failure ??= { cause };
    deps.stop(cause instanceof Error ? cause.message : String(cause));
  };
  const move = async (record: LedgerRecord): Promise<void> => {
    try {
      await follow(deps, record);
      deps.publisher.notify();
    } catch (cause) {
      fail(cause);
    } finally {
      underWay.delete(record.recordId);
    }
  };
  const watchTheWay = (): void => {
    if (waitMs === null) return;
    const over = (since: number | null): boolean => since !== null && deps.clock.now() - since > waitMs;
    if (over(deps.unreachableSince())) deps.stop('the gateway cannot be reached');
    else if (over(deps.closedSince())) deps.stop('the gateway answers nothing but errors of its own');
  };
  const loop = async (): Promise<void> => {
    while (!ended && !deps.signal.aborted) {
      const room = window - underWay.size;
      const limit = claims ? room : window + underWay.size;
      const found = limit > 0 ? await due(limit) : { records: [], nextAt };
      const fresh = found.records.filter((record) => !underWay.has(record.recordId)).slice(0, Math.max(0, room));
      nextAt = found.records.length > 0 ? deps.clock.now() : found.nextAt;
      looked = true;
      for (const record of fresh) {
        underWay.add(record.recordId);
        void move(record);
      }
      watchTheWay();
      await deps.clock.sleep(fresh.length > 0 && found.records.length >= limit ? 1 : tickMs);
    }
  };
  const running = loop().catch(fail);

  return {
    async settled(deadline) {
      looked = false;
      while (!deps.signal.aborted && deps.clock.now() < deadline) {
        if (looked && underWay.size === 0 && nextAt === null) return;
        await deps.clock.sleep(tickMs);
      }
    },
    async stop() {
      ended = true;
      await running;
      while (underWay.size > 0) await deps.clock.sleep(5);
      if (failure !== undefined) throw failure.cause;
    },
  };
}
