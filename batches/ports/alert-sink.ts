import type { AlertEvent } from '../record/alert-event.ts';

/** Where alerts go. */
export interface AlertSink {
  /**
   * Appends and resolves when it is durable. An alert that is there already is not written again, as far as the sink
   * remembers: readers take each `event_id` once.
   *
   * @returns whether it was written by this call
   */
  raise(alert: AlertEvent): Promise<boolean>;
  close(): Promise<void>;
}
