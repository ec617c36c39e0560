/** The public statuses of an occurrence, and what may follow what. */

export const statuses = [
  'rejected',
  'conflict',
  'duplicate',
  'queued',
  'submitting',
  'in_progress',
  'unknown',
  'succeeded',
  'failed',
  'cancelled',
] as const;

export type Status = (typeof statuses)[number];

/** Statuses that a record itself can have; `conflict` and `duplicate` are verdicts about one occurrence. */
export type RecordStatus = Exclude<Status, 'conflict' | 'duplicate'>;

/** After these nothing moves any more, but for a new attempt that an operator asks for. */
export const isFinal: Readonly<Record<Status, boolean>> = {
  rejected: true,
  conflict: true,
  duplicate: true,
  queued: false,
  submitting: false,
  in_progress: false,
  unknown: false,
  succeeded: true,
  failed: true,
  cancelled: true,
};

/** Statuses that are not final, in the order of a record's life. */
export const openStatuses = ['queued', 'submitting', 'in_progress', 'unknown'] as const satisfies readonly RecordStatus[];
export type OpenStatus = (typeof openStatuses)[number];

/** Internal steps are not told on the results stream. */
export const isPublished: Readonly<Record<Status, boolean>> = {
  rejected: true,
  conflict: true,
  duplicate: true,
  queued: false,
  submitting: false,
  in_progress: true,
  unknown: true,
  succeeded: true,
  failed: true,
  cancelled: true,
};

/**
 * What may follow what within one attempt. `submitting` returns to `queued` only on proof that no byte of the
 * instruction reached the gateway; everything else moves forward.
 */
export const mayFollow: Readonly<Record<RecordStatus, readonly RecordStatus[]>> = {
  rejected: [],
  queued: ['submitting', 'rejected', 'cancelled'],
  submitting: ['queued', 'in_progress', 'unknown', 'succeeded', 'failed', 'cancelled'],
  in_progress: ['unknown', 'succeeded', 'failed', 'cancelled'],
  unknown: ['in_progress', 'succeeded', 'failed', 'cancelled'],
  succeeded: [],
  failed: [],
  cancelled: [],
};
