/** An event that was decided together with its status and is not surely published yet. */
export interface OutboxEntry {
  /** Rises in the order of the decisions. */
  readonly number: number;
  readonly eventId: string;
  /** The event as it goes out, one line of JSON. */
  readonly json: string;
}

/** Where results go. */
export interface ResultSink {
  /**
   * Appends in order and resolves when they are durable. Events that a former process wrote but could not note
   * as published are recognised by their id and not written again. Answers the mark to keep.
   */
  publish(entries: readonly OutboxEntry[]): Promise<{ readonly mark: string | null }>;
  close(): Promise<void>;
}
