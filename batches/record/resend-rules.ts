/** Whether an open send may be sent again: same key, same bytes, same header. */
import type { AuditChain } from '../audit/hash-chain.ts';
import type { Random } from '../ports/random.ts';
import type { KeyDerivation } from './idempotency-key.ts';
import type { LedgerRecord, MachineClocks } from './record.ts';

/** Resends gather evidence; after this many sends the next one would hardly teach more. */
export const maxSends = 12;

/** What the rules of resends need to know of the running application. */
export interface ResendSettings {
  readonly keys: KeyDerivation;
  readonly random: Random;
  readonly followIntervalMs: number;
  /** How long the gateway surely remembers a key that is first sent now; null: unknown, so such a send is never resent. */
  readonly keyLifetimeMs: number | null;
  /** The header that carries the key. */
  readonly idempotencyHeader: string;
  /** From the first byte to the whole answer. */
  readonly timeoutMs: number;
}

/** What steps need beside them. */
export interface TransitionSettings extends ResendSettings {
  readonly audit: AuditChain;
}

/** Until when a resend's first byte may leave, by the lifetime that held when the record was first sent. */
export const resendableUntil = (
  { timeoutMs }: Pick<ResendSettings, 'timeoutMs'>,
  { firstSentAt, keyLifetimeMs }: Pick<LedgerRecord, 'firstSentAt' | 'keyLifetimeMs'>,
): number => (keyLifetimeMs === null || firstSentAt === null ? 0 : firstSentAt + keyLifetimeMs - timeoutMs);

/** The clocks at hand now. */
export interface ClocksNow {
  /** The ledger's time, in milliseconds since the epoch. */
  readonly at: number;
  readonly machine: MachineClocks;
}

/**
 * How old the key of a first send is, in milliseconds: by the highest of the clocks at hand, since one that was set back
 * or stood still makes it seem younger.
 *
 * @returns null when it is not known: a clock is behind what it was at the send
 */
export function keyAge({ firstSentAt, sentClocks }: Pick<LedgerRecord, 'firstSentAt' | 'sentClocks'>, now: ClocksNow): number | null {
  if (firstSentAt === null || sentClocks === null) return null;
  const ledgerAge = now.at - firstSentAt;
  const wallAge = now.machine.wallAt - sentClocks.wallAt;
  // Where several machines send, one may be a little behind another; on a single one the wall clock was set back.
  const isSingle = now.machine.uptimeMs !== null;
  if (ledgerAge < 0 || (isSingle && wallAge < 0)) return null;
  const ages = [ledgerAge, wallAge];
  const [before, uptime] = [sentClocks.uptimeMs, now.machine.uptimeMs];
  // A lower one is that of a later start of the machine, and says nothing.
  if (before !== null && uptime !== null && uptime >= before) ages.push(uptime - before);
  return Math.max(...ages);
}

/** Whether the first byte of a resend may leave now: the gateway surely remembers the key until it has answered. */
export function isKeyRemembered({ timeoutMs }: Pick<ResendSettings, 'timeoutMs'>, record: LedgerRecord, now: ClocksNow): boolean {
  const age = keyAge(record, now);
  return age !== null && record.keyLifetimeMs !== null && age < record.keyLifetimeMs - timeoutMs;
}

/** Names of headers are compared as HTTP compares them. */
export const isSameHeader = (one: string, other: string): boolean => one.toLowerCase() === other.toLowerCase();

/** Why an open send cannot be sent again, as a clause for people; null when it can. */
export function whyNotResend(rules: ResendSettings, record: LedgerRecord, at: number): string | null {
  if (record.sessionId !== null) return 'its session is known';
  if (record.alreadyReceived) return 'the gateway has reported that it arrived';
  if (record.keyLifetimeMs === null)
    return 'GATEWAY_KEY_LIFETIME was not set when it was first sent, or the age of its key is not known, so the gateway may have forgotten it';
  if (record.idempotencyHeader === null || !isSameHeader(record.idempotencyHeader, rules.idempotencyHeader))
    return `its key was first sent in the header ${record.idempotencyHeader ?? 'that is not known'}, but GATEWAY_IDEMPOTENCY_HEADER is now ${rules.idempotencyHeader}`;
  if (record.sends >= maxSends) return `it was sent ${record.sends} times without a conclusive answer`;
  if (at >= resendableUntil(rules, record)) return 'the gateway may have forgotten the key by now';
  return null;
}
