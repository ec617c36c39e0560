/** What actions about uploaded files share. */
import type { BrokenFile, Inspection } from '../../files/payout-file.ts';
import { Refusal } from '../access/guard.ts';
import type { Payer } from '../uploads/payer.ts';
import type { Reviews } from '../uploads/review.ts';
import type { Upload, UploadStore } from '../uploads/store.ts';
import type { ActDeps } from './act.ts';

/** @property payer undefined where another process pays, or none */
export interface UploadDeps extends ActDeps {
  readonly store: UploadStore;
  readonly reviews: Reviews;
  readonly payer: Payer | undefined;
}

export async function found(store: UploadStore, id: string): Promise<Upload> {
  const upload = await store.find(id);
  if (upload === undefined)
    throw new Refusal(404, 'no_upload', 'This file is not here: its batch has ended, or it was discarded. /batches lists what was paid.');
  return upload;
}

export async function wholeOf(reviews: Reviews, upload: Upload): Promise<Inspection> {
  const outcome = await reviews.of(upload);
  if (outcome.ok) return outcome.inspection;
  throw new Refusal(409, 'file_broken', whyUnreadable(outcome.broken));
}

/** Of a file that could be read when it was uploaded. */
export const whyUnreadable = ({ problems }: BrokenFile): string =>
  problems.find(({ code }) => code.startsWith('upload_'))?.message ??
  'The file cannot be read as it was when it was uploaded. Upload it again.';
