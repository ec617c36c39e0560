/** Whether a session that the gateway does not show any more waits for our confirmation, as far as the record knows. */
import type { LedgerRecord } from './record.ts';

/** The newest call about the session taught nothing. */
const silences: ReadonlySet<string> = new Set(['session_not_shown', 'confirmation_refused', 'answer_untrusted']);

/**
 * The session asked for confirmation when it was last shown, with the amount that was asked for, and no answer has shown it
 * confirmed: the confirmation may never have left, or never have arrived. It names its session, so repeating it is harmless.
 */
export const waitsForOurConfirmation = (record: LedgerRecord): boolean =>
  record.status === 'in_progress' &&
  record.sessionId !== null &&
  record.isSessionProven &&
  record.awaitsConfirmationSince !== null &&
  record.cancelSession === null &&
  (record.confirmSession === null || record.confirmSession === record.sessionId) &&
  record.reason !== null &&
  silences.has(record.reason.code);

/**
 * We asked for the capture of this payment, and no answer has shown it captured: like a confirmation, it names its session, so
 * repeating it is harmless.
 */
export const waitsForOurCapture = (record: LedgerRecord): boolean =>
  record.kind === 'payment' &&
  record.status === 'in_progress' &&
  record.sessionId !== null &&
  record.isSessionProven &&
  record.cancelSession === null &&
  record.confirmSession === record.sessionId &&
  record.reason !== null &&
  (silences.has(record.reason.code) || record.reason.code === 'capture_refused');
