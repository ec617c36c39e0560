/** The gateway cancels what is not confirmed within 240 minutes: a person is alerted while there is time. */
import { alertOf, type Alert } from './alert.ts';
import type { LedgerRecord } from './record.ts';
import { isFinal } from './status.ts';

const minute = 60_000;
/** How long the gateway waits for a confirmation. Source: docs/gateway.md. */
const confirmWithinMs = 240 * minute;
const alertAfterMs = 180 * minute;

/**
 * Once for each session. What we asked to be cancelled may end so.
 *
 * @param now milliseconds since the epoch, of the ledger
 * @returns null while there is nothing to alert of
 */
export function confirmDeadlineAlert(record: LedgerRecord, now: number): Alert | null {
  const { awaitsConfirmationSince: since, sessionId, cancelSession, status } = record;
  if (since === null || sessionId === null || isFinal[status] || cancelSession === sessionId) return null;
  if (now - since < alertAfterMs) return null;
  const description = `Session ${sessionId} of record ${record.recordId} has waited for its confirmation since ${new Date(since).toISOString()}. The gateway cancels it at about ${new Date(since + confirmWithinMs).toISOString()}: confirm or cancel it at the gateway before that.`;
  return alertOf('confirm_deadline', record, { sessionId, description });
}
