import type { CheckResult } from './http/routes.ts';

/** An open breaker is reported; it is no reason to restart the process. */
export const gatewayCheck = (breaker: { isOpen(): boolean }): CheckResult =>
  breaker.isOpen() ? { ok: false, detail: 'the gateway cannot be reached' } : { ok: true };
