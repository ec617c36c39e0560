/** Whether intents may be written now: not while the ledger could forget them, or has no room for their outcomes. */
export interface IntentGate {
  isOpen(): boolean;
  /** Resolves when it is open; rejects with the signal's reason. */
  waitUntilOpen(signal: AbortSignal): Promise<void>;
}

/** For a ledger that has no such times: what it cannot keep ends the process. */
export const openGate: IntentGate = { isOpen: () => true, waitUntilOpen: () => Promise.resolve() };
