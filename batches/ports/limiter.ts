/** What a caller of `acquire` got: it may be used until its time is over, and only then. */
export interface Permit {
  /** Asked right before the first byte. False when its time is over: nothing may be sent on it any more. */
  isValid(): boolean;
  /** Of a permit that is granted before its time, for a gateway that can wait for it. */
  readonly window?: PermitWindow;
}

/** When the first byte may leave, on the limiter's clock. */
export interface PermitWindow {
  readonly from: number;
  readonly to: number;
  /** At least so long after the first byte before; 0 where a burst allows any. */
  readonly spacingMs: number;
}

/** Permits to send. In any window at most rate x window + burst permits pass, over all instances. */
export interface Limiter {
  /** Waits for one permit, at most `withinMs`; rejects when none came within, or with the reason of `signal`. */
  acquire(signal: AbortSignal, withinMs?: number): Promise<Permit>;
  /**
   * So many callers, in all, wait for a permit or are about to: permits are reserved for them ahead. Replaces what was said
   * before; 0 when none does.
   */
  expect(callers: number): void;
  /** Resolves when the permit behind `ahead` expected ones is reserved, so that `nextInMs` is exact; rejects with the reason of `signal`. */
  reserved(ahead: number, signal: AbortSignal): Promise<void>;
  /** The gateway asked to wait: no permit for anybody before `ms` from now. */
  pushBack(ms: number): void;
  /** For how long no permit passes because the gateway asked to wait, in milliseconds, as far as is known here; 0 when open. */
  closedForMs(): number;
  /**
   * Milliseconds until a permit may pass for a caller that asks now, behind `ahead` others that ask before it, as far as
   * is known here; 0 when at once. Other instances may take permits meanwhile that are not reserved.
   */
  nextInMs(ahead: number): number;
  /** The gateway said too many: the rate falls, then climbs back to the configured one. Nothing when unlimited. */
  slowDown(): void;
  /** Permits a second as they pass now; `unlimited` when there is no bound. */
  rate(): number | 'unlimited';
}

/** Of a limiter whose permits are used in the step that grants them. */
export const lastingPermit: Permit = { isValid: () => true };
