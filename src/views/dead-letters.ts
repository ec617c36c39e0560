/** A dead letter as an object, without its value. */
import type { DeadLetter } from '../kafka/dead-letters.ts';

export const letterView = ({ place, reason, message, source, failedAt, truncated, record }: DeadLetter) => ({
  place,
  reason,
  message,
  source,
  failed_at: failedAt,
  bytes: record.value?.length ?? null,
  truncated,
});
