/**
 * Maintenance pages: HTML instead of any answer, as a proxy before the gateway sends it, under HTTP 200 or 503. Nothing
 * of the call is read or recorded.
 */
import { hash } from 'node:crypto';
import { maintenanceStatus } from './faults.ts';
import type { FaultRates } from './faults.ts';
import type { Reply } from './method.ts';
import type { SeededRandom } from './seeded-random.ts';

const page = '<!doctype html>\n<html><head><title>Maintenance</title></head><body><h1>We will be back soon</h1></body></html>\n';

/** Returns the page instead of the answer to a call, or undefined. */
export function createMaintenance(faults: FaultRates, random: SeededRandom): (method: string, raw: Buffer) => Reply | undefined {
  /** Number of calls with the same method and body since pages occur. */
  const calls = new Map<string, number>();
  return (method, raw) => {
    if ((faults.maintenance ?? 0) === 0) return undefined;
    const identity = `${method} ${hash('sha256', raw)}`;
    const ordinal = (calls.get(identity) ?? 0) + 1;
    calls.set(identity, ordinal);
    const httpStatus = maintenanceStatus(faults, random('maintenance', identity, ordinal));
    return httpStatus === undefined
      ? undefined
      : { httpStatus, body: page, contentType: 'text/html; charset=utf-8', outcome: 'maintenance', recordId: null };
  };
}
