/**
 * Spans of what happens to an instruction, for a tracing system. Attributes are codes, numbers and ids: never an amount, an
 * account, a name or the text of an answer.
 */

export type SpanName =
  'instruction' | 'enqueue' | 'validate' | 'intent' | 'send' | 'resend' | 'status' | 'confirm' | 'capture' | 'cancel' | 'publish';

export type SpanAttributes = Readonly<Record<string, string | number>>;

/** @property parent the header `traceparent` of W3C Trace Context */
export interface SpanOptions {
  readonly parent?: string | undefined;
  readonly attributes?: SpanAttributes;
}

export interface Span {
  /** For what follows: the header `traceparent` of this span, or the parent's where nothing is recorded. */
  readonly traceparent: string | undefined;
  end(attributes?: SpanAttributes): void;
  /** @param code why, never a text from outside */
  fail(code: string): void;
}

export interface Tracer {
  /** False: nothing is recorded, and `start` costs nothing. */
  readonly isOn: boolean;
  /** Never throws. */
  start(name: SpanName, options?: SpanOptions): Span;
}

const noSpan: Span = { traceparent: undefined, end: () => undefined, fail: () => undefined };

/** Without tracing. What came with a message is passed on all the same, see `occurrence.source`. */
export const noTracing: Tracer = { isOn: false, start: () => noSpan };
