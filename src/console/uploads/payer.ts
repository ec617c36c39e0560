/** Pays files that were handed over, and those that a former process left; a file is kept until its batch has ended. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Batch } from '../../../batches/record/batch.ts';
import type { Clock } from '../../../batches/ports/clock.ts';
import { messageOf } from '../../../batches/pipeline/notice.ts';
import { byStatus } from '../../../batches/record/tally.ts';
import type { Config } from '../../config/config.ts';
import { CommandError } from '../../exit.ts';
import { openFileBatch } from '../../files/open-batch.ts';
import { writeFixFile, type Inspection } from '../../files/payout-file.ts';
import type { Logger } from '../../logger.ts';
import { checkFunds } from '../../profiles/check-funds.ts';
import type { Profile } from '../../profiles/profile.ts';
import type { Reviews } from './review.ts';
import type { Upload, UploadStore } from './store.ts';

export interface PayerParams {
  readonly config: Config;
  readonly profile: Pick<Profile, 'ledger' | 'clock' | 'submit'>;
  readonly store: UploadStore;
  readonly reviews: Reviews;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

export interface Payer {
  /**
   * The batch is in the ledger when it resolves; its rows follow.
   *
   * @throws {CommandError} exit 1 when the file may not be paid as it is
   */
  begin(upload: Upload, inspection: Inspection): Promise<void>;
  /** Why the newest attempt to pay the file has failed. */
  failureOf(id: string): string | undefined;
  /** Resolves when nothing of it works any more. */
  stop(): Promise<void>;
}

const waitMs = 900_000;
const lookEveryMs = 5_000;
const againMs = 60_000;

export function createPayer(params: PayerParams): Payer {
  const { store, reviews, logger, signal, profile } = params;
  const running = new Map<string, Promise<void>>();
  const failures = new Map<string, string>();
  /** When each was paid from last: what is held up is not read again and again. */
  const paidAt = new Map<string, number>();

  const pay = async (upload: Upload, inspection: Inspection, batchIsOpen: () => void): Promise<void> => {
    const { ledger, clock } = profile;
    const { by, policy } = upload.handedOver ?? { by: upload.by, policy: 'skip' };
    const batch = await openFileBatch({ ledger, inspection, policy, clock, by });
    await keepFixFile(params.config, inspection, batch);
    batchIsOpen();
    paidAt.set(upload.id, clock.now());
    const refusal = await checkFunds({ config: params.config, ledger, clock, logger, batch, inspection, waitMs: null, signal });
    if (refusal === null) await profile.submit({ batch, inspection, waitMs, follow: true, signal, isOneOfMany: true });
  };
  const start = (upload: Upload, inspection: Inspection): Promise<void> => {
    const opened = Promise.withResolvers<void>();
    const work = pay(upload, inspection, opened.resolve)
      .then(() => void failures.delete(upload.id))
      .catch((cause: unknown) => {
        opened.reject(cause);
        if (signal.aborted) return;
        failures.set(upload.id, messageOf(cause));
        logger.error(
          { err: cause instanceof CommandError ? undefined : cause, upload: upload.id },
          `an uploaded file is not paid: ${messageOf(cause)}`,
        );
      })
      .finally(() => running.delete(upload.id));
    running.set(upload.id, work);
    return opened.promise;
  };
  const resume = async (): Promise<void> => {
    for (const upload of await store.list()) {
      if (upload.handedOver === null || running.has(upload.id) || failures.has(upload.id) || signal.aborted) continue;
      const outcome = await reviews.of(upload);
      if (!outcome.ok) {
        const [why] = outcome.broken.problems.filter(({ code }) => code.startsWith('upload_'));
        failures.set(upload.id, why?.message ?? 'the file cannot be read as it was when it was handed over.');
        continue;
      }
      const next = await nextOf(profile.ledger, outcome.inspection);
      if (next === 'done') await forget(store, reviews, upload.id);
      else if (next === 'pay' && profile.clock.now() - (paidAt.get(upload.id) ?? 0) >= againMs)
        await start(upload, outcome.inspection).catch(() => undefined);
    }
  };
  const watching = watch(resume, { clock: profile.clock, signal, logger });
  return {
    async begin(upload, inspection) {
      failures.delete(upload.id);
      await start(upload, inspection);
    },
    failureOf: (id) => failures.get(id),
    async stop() {
      await watching;
      await Promise.all(running.values());
    },
  };
}

async function watch(
  resume: () => Promise<void>,
  { clock, signal, logger }: { readonly clock: Clock; readonly signal: AbortSignal; readonly logger: Logger },
): Promise<void> {
  while (!signal.aborted) {
    await resume().catch((cause: unknown) => logger.error({ err: cause }, `uploaded files cannot be looked at: ${messageOf(cause)}`));
    await clock.sleep(lookEveryMs, signal).catch(() => undefined);
  }
}

/** `rest`: every row is in the ledger, and what is left of the batch moves without its file, or waits for a person. */
async function nextOf(ledger: Profile['ledger'], { sha256: batchId, preflight }: Inspection): Promise<'done' | 'rest' | 'pay'> {
  const batch = await ledger.batch(batchId);
  if (batch === undefined) return 'pay';
  if (batch.state === 'finished' || batch.state === 'cancelled') return 'done';
  const tallies = await ledger.tallies(batchId);
  const received = tallies.filter(({ status }) => status === 'received').reduce((sum, { count }) => sum + count, 0);
  if (received < preflight.rows) return 'pay';
  if (byStatus(tallies).queued.count === 0) return 'rest';
  // What waits for its approval is sent from what the ledger keeps, but for rows with a card number: those are read again.
  const [gates, terms] = [await ledger.gates(), await ledger.terms(batchId)];
  return gates?.approval === 'required' && terms.approval === null ? 'rest' : 'pay';
}

/** Rows that were invalid when the batch began: a card that expired since is not one to correct. */
async function keepFixFile({ dataDir }: Config, inspection: Inspection, { batchId, sent }: Batch): Promise<void> {
  const path = join(dataDir, `${batchId}.errors.csv`);
  if (sent === 0 && !existsSync(path)) await writeFixFile(inspection, path);
}

async function forget(store: UploadStore, reviews: Reviews, id: string): Promise<void> {
  reviews.forget(id);
  await store.remove(id);
}
