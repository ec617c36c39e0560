/** Records spans for the exporter. A parent that is not sampled is followed; of other traces, the given share is recorded. */
import { randomBytes } from 'node:crypto';
import type { Span, SpanAttributes, SpanName, Tracer } from '../../batches/ports/tracer.ts';

/** @property startMs milliseconds since the epoch, with parts of one */
export interface EndedSpan {
  readonly name: SpanName;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string | undefined;
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: SpanAttributes;
  /** Why it failed; undefined when it did not. */
  readonly failure: string | undefined;
}

export interface OtlpTracerParams {
  /** Share of the traces that begin here, from 0 to 1. */
  readonly ratio: number;
  readonly onEnd: (span: EndedSpan) => void;
}

export function createOtlpTracer({ ratio, onEnd }: OtlpTracerParams): Tracer {
  return {
    isOn: true,
    start(name, { parent, attributes = {} } = {}) {
      const [, inherited, parentId, flags] = parent?.split('-') ?? [];
      const traceId = inherited ?? randomBytes(16).toString('hex');
      const isSampled = flags === undefined ? isOfShare(traceId, ratio) : (Number.parseInt(flags, 16) & 1) === 1;
      // Not recorded: what follows belongs to the parent, or to a trace that is recorded nowhere.
      if (!isSampled) return unrecorded(parent ?? `00-${traceId}-${randomBytes(8).toString('hex')}-00`);
      const spanId = randomBytes(8).toString('hex');
      const startMs = now();
      let isEnded = false;
      const end = (more: SpanAttributes, failure: string | undefined): void => {
        if (isEnded) return;
        isEnded = true;
        onEnd({ name, traceId, spanId, parentId, startMs, endMs: now(), attributes: { ...attributes, ...more }, failure });
      };
      return {
        traceparent: `00-${traceId}-${spanId}-01`,
        end: (more = {}) => end(more, undefined),
        fail: (code) => end({}, code),
      };
    },
  };
}

const unrecorded = (traceparent: string): Span => ({ traceparent, end: () => undefined, fail: () => undefined });

const now = (): number => performance.timeOrigin + performance.now();

/** The same for every process: by the last 56 bits of the trace id, as OpenTelemetry's ratio sampler. */
const isOfShare = (traceId: string, ratio: number): boolean => Number.parseInt(traceId.slice(-14, -4), 16) < ratio * 2 ** 40;
