/**
 * What the ledger holds of a record, and the pure changes that move it.
 *
 * Every change is decided here from a record as it was read, and written by a ledger only if the record still
 * has the version it was decided on (compare and set). So the rules live in one place for every store, and a
 * late or repeated call can never undo a newer truth.
 */
import type { AuditHead } from '../audit/audit-entry.ts';
import type { FieldDigests } from './fingerprint.ts';
import type { CallerMetadata, ValidInstruction, Kind, Occurrence, InvalidInstruction } from '../instruction/instruction.ts';
import type { RecordStatus, Status } from './status.ts';

/** Why a record has its status; `code` is the gateway's or ours, `description` is masked. */
export interface Reason {
  readonly code: string;
  readonly description: string;
}

/** Clocks of the sender's machine, by which the age of a send is judged beside the ledger's own time. */
export interface MachineClocks {
  /** The wall clock, in milliseconds since the epoch. */
  readonly wallAt: number;
  /** How long the machine has been up, in milliseconds, suspended time included; null where only other machines' sends are compared. */
  readonly uptimeMs: number | null;
}

/** @property destination masked, as the record's own */
export interface Amendment {
  readonly fingerprint: string;
  readonly destination?: string;
}

/** An alert that names the record. */
export interface RecordAlert {
  readonly alert: string;
  /** With the kind, what makes it this alert and no other one. */
  readonly fact: string;
  readonly at: number;
  readonly acknowledged: boolean;
}

/** Times are milliseconds since the epoch. */
export interface LedgerRecord {
  readonly recordId: string;
  readonly kind: Kind;
  readonly batchId: string;
  readonly occurrence: Occurrence;
  readonly amountMinor: bigint;
  readonly currency: string;
  readonly destination: string | undefined;
  readonly metadata: CallerMetadata | undefined;
  readonly hasCardNumber: boolean;
  readonly fingerprint: string;
  readonly attempt: number;
  readonly idempotencyKey: string;
  readonly status: RecordStatus;
  /** Rises with every result event that names this record. */
  readonly sequence: number;
  /** Rises with every change; what compare and set compares. */
  readonly version: number;
  /** When the first byte of this attempt may have left; null while surely nothing was sent. */
  readonly firstSentAt: number | null;
  /** The sender's clocks at that moment; null before, and for sends of versions that did not keep them. */
  readonly sentClocks: MachineClocks | null;
  /** `GATEWAY_KEY_LIFETIME` when this attempt was first sent; null when it was unset, or is not known. */
  readonly keyLifetimeMs: number | null;
  /** The header that carried the key when this attempt was first sent. */
  readonly idempotencyHeader: string | null;
  /** How often this attempt may have been sent. */
  readonly sends: number;
  /** The gateway has told that the key is known to it: a repeat would teach nothing more. */
  readonly alreadyReceived: boolean;
  readonly sessionId: string | null;
  /** The session showed our metadata; an unproven one is checked, and nothing it says is believed. */
  readonly isSessionProven: boolean;
  readonly entryId: string | null;
  /** The only session of this record that we may ever confirm. */
  readonly confirmSession: string | null;
  /** The session that we asked the gateway to cancel. */
  readonly cancelSession: string | null;
  /** Why it is in this status. Of an open send: what the first send met; a resend replaces it only by proof of arrival. */
  readonly reason: Reason | null;
  /** What the newest resend met. */
  readonly resend: Reason | null;
  /** When we can move it next: a repeat or a look at its session. Null: only others can. */
  readonly dueAt: number | null;
  /** Looks at the session so far, for the growing pause between them. */
  readonly checks: number;
  /** How far its audit trail goes; null for a record of a version that kept none. */
  readonly audit: AuditHead | null;
  /** Contradictions that a person has not acknowledged yet, and those acknowledged, so that none is raised twice. */
  readonly alerts: readonly RecordAlert[];
  /** Who ended it by a person's word; null for what the gateway proved. */
  readonly resolvedBy: string | null;
  /** Since when its session has waited for confirmation; null when it does not. */
  readonly awaitsConfirmationSince: number | null;
  /** The session of the attempt before, which is checked once more before this one is sent. */
  readonly previousSession: string | null;
  /** Other contents that a person had sent under later attempts, the newest last; either content is a duplicate. */
  readonly amendments: readonly Amendment[];
  /** Who may send, and until when; fences sending only, never evidence. */
  readonly leaseOwner: string | null;
  readonly leaseUntil: number | null;
}

/** An occurrence on its way into the ledger. */
export interface Admission {
  readonly occurrence: Occurrence;
  readonly batchId: string;
  readonly at: number;
  readonly content:
    | {
        readonly type: 'valid';
        readonly draft: ValidInstruction;
        readonly fingerprint: string;
        readonly fields: FieldDigests;
      }
    | { readonly type: 'refused'; readonly refusal: InvalidInstruction };
}

/**
 * What the ledger says of an occurrence.
 *
 * - `admitted`: new, or known and still queued: it may be sent
 * - `open`: known, and may have been sent: it is followed, never sent as new
 * - `settled`: nothing more to do for this occurrence; `fresh` when it was settled by this very call
 * - `totals_full`: the totals of its batch have no room for its amount; nothing was written
 * - `place_taken`: the occurrence is that of another record id; nothing was written
 */
export type Verdict =
  | { readonly type: 'admitted'; readonly record: LedgerRecord }
  | { readonly type: 'open'; readonly record: LedgerRecord }
  | { readonly type: 'settled'; readonly status: Status; readonly fresh: boolean }
  | { readonly type: 'totals_full' }
  | { readonly type: 'place_taken' };

/** What the ledger says of an occurrence that it was to admit with an intent; `intended`: new, and the intent is this caller's. */
export type IntentVerdict = Verdict | { readonly type: 'intended'; readonly record: LedgerRecord };
