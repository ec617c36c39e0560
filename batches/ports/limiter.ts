/** Permits to send. In any window at most rate x window + burst permits pass, over all instances. */
export interface Limiter {
  /** Waits for one permit, at most `withinMs`; rejects when none came within, or with the reason of `signal`. */
  acquire(signal: AbortSignal, withinMs?: number): Promise<void>;
  /** The gateway asked to wait: no permit for anybody before `ms` from now. */
  pushBack(ms: number): void;
  /** For how long no permit passes because the gateway asked to wait, in milliseconds, as far as is known here; 0 when open. */
  closedForMs(): number;
  /**
   * Milliseconds until a permit may pass for a caller that asks now, behind `ahead` others that ask before it, as far as
   * is known here; 0 when at once. Other instances may take permits meanwhile.
   */
  nextInMs(ahead: number): number;
  /** The gateway said too many: the rate falls, then climbs back to the configured one. Nothing when unlimited. */
  slowDown(): void;
  /** Permits a second as they pass now; `unlimited` when there is no bound. */
  rate(): number | 'unlimited';
}
