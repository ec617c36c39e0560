/**
 * What somebody asks for, as the rest of `batches` knows it.
 *
 * An instruction comes as a CSV row or as a JSON event; both become a `Draft` through the same rules
 * (`validation.ts`). Where it was asked for is its occurrence; who pays it does not matter here.
 */

export const kinds = ['payout', 'payment'] as const;

/** A payout goes to `session/init/payout`, a payment to `session/init/payment`. */
export type Kind = (typeof kinds)[number];

/** JSON as the gateway understands it. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [member: string]: Json;
}

/**
 * Where an instruction was asked for, as it is shown to people. Lines are physical, from 1.
 *
 * @property traceparent the trace of the instruction, where it has one
 */
export type Source = (
  { readonly file: string; readonly line: number } | { readonly topic: string; readonly partition: number; readonly offset: string }
) & { readonly traceparent?: string | undefined };

/**
 * One place where an instruction was asked for. `stream` is `file:<sha256>` or `topic:<name>:<partition>`;
 * `position` is the line or the offset. The same place again is the same request, however it comes: what is there
 * never changes, so a place always names the same record id, or always none.
 */
export interface Occurrence {
  readonly stream: string;
  readonly position: number;
  readonly source: Source;
}

export const isSameOccurrence = (one: Occurrence, other: Occurrence): boolean =>
  one.stream === other.stream && one.position === other.position;

/**
 * Something wrong (an error) or odd (a warning) in one row or event.
 *
 * @property code stable snake_case, for programs
 * @property column the header's spelling for a CSV row, the dotted path for an event; null when the whole row is meant
 * @property message one sentence for people that says what to do
 * @property value what was found, already masked; null when nothing may be shown or nothing was there
 */
export interface Problem {
  readonly code: string;
  readonly column: string | null;
  readonly message: string;
  readonly value: string | null;
}

/** A caller's own metadata: the gateway echoes a string, an integer or an object. */
export type CallerMetadata = string | number | JsonObject;

/**
 * A valid instruction before anybody asked the ledger about it.
 *
 * @property amountMinor in minor units of `currency`, 1 to 9,007,199,254,740,991
 * @property currency ISO 4217, upper case
 * @property body the gateway's own body, normalised, without `metadata`
 * @property destination masked, for results and people
 * @property hasCardNumber the body carries a card number: it must never be kept
 */
export interface ValidInstruction {
  readonly recordId: string;
  readonly kind: Kind;
  readonly amountMinor: bigint;
  readonly currency: string;
  readonly body: JsonObject;
  readonly metadata: CallerMetadata | undefined;
  readonly destination: string | undefined;
  readonly hasCardNumber: boolean;
  /** Only events name one; a file's batch is its SHA-256. */
  readonly batchId?: string;
}

/**
 * An instruction that broke a rule. What could be read of it is reported, so that it is counted and answered
 * under its own name; `recordId`, amount and currency are absent when they themselves could not be read.
 */
export interface InvalidInstruction {
  readonly recordId: string | undefined;
  readonly kind: Kind | undefined;
  readonly amountMinor: bigint | undefined;
  readonly currency: string | undefined;
  readonly problems: readonly [Problem, ...Problem[]];
  readonly metadata?: CallerMetadata | undefined;
  readonly batchId?: string;
}

/** The outcome of validation. `warnings` is absent when there are none: what is odd and may be meant. */
export type ParseResult = (
  { readonly ok: true; readonly draft: ValidInstruction } | { readonly ok: false; readonly refusal: InvalidInstruction }
) & {
  readonly warnings?: readonly Problem[];
};
