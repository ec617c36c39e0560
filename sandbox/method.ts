/** What a method of the gateway takes and answers, and what all methods share. */
import type { Json } from './body-rules.ts';
import { errorBody } from './errors.ts';
import type { GatewayError } from './errors.ts';
import type { FaultRates } from './faults.ts';
import type { Funds } from './funds.ts';
import type { SeededRandom } from './seeded-random.ts';
import type { View } from './session-view.ts';
import type { Session, Sessions } from './sessions.ts';

/**
 * @property outcome for the call log
 * @property waitsFor the response is sent after that
 * @property closes the connection is closed instead of the response, or in the middle of it
 */
export interface Reply {
  readonly httpStatus: number;
  readonly body: string;
  readonly contentType?: string;
  readonly outcome: string;
  readonly recordId: string | null;
  readonly retryAfterSeconds?: number;
  readonly delayMs?: number;
  readonly waitsFor?: Promise<void>;
  readonly closes?: 'silent' | 'cut';
}

/** @property idempotencyKey null when the header is absent or empty */
export interface MethodCall {
  readonly project: string;
  readonly idempotencyKey: string | null;
  readonly body: Json;
  readonly raw: Buffer;
  readonly nowMs: number;
}

export type Method = (call: MethodCall) => Reply;
export type Show = (session: Session, nowMs: number) => Reply;

/** @property sends whether there are webhooks at all */
export interface SessionListener {
  readonly sends: boolean;
  /** There is a new session, or a decision about one. */
  changed(session: Session): void;
  /** Resolves after the first attempt to send the first webhook of a session that was just recorded. */
  whenFirstSent(session: Session): Promise<void>;
}

export interface MethodDeps {
  readonly sessions: Sessions;
  readonly random: SeededRandom;
  readonly faults: FaultRates;
  readonly confirm: 'auto' | 'manual';
  readonly view: View;
  /** Absent: money without end. */
  readonly funds: Funds | undefined;
  readonly listener: SessionListener;
}

export const refusal = (error: GatewayError, recordId: string | null = null): Reply => ({
  httpStatus: error.httpStatus,
  body: errorBody(error),
  outcome: error.code,
  recordId,
});
