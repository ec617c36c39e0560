/** The tracer of an OpenTelemetry SDK that the process was started with. */
import { isSpanContextValid, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, type Context } from '@opentelemetry/api';
import type { Tracer } from '../../batches/ports/tracer.ts';
import { version } from '../version.ts';
import { kindOf } from './span-kinds.ts';

const kinds = { internal: SpanKind.INTERNAL, client: SpanKind.CLIENT, producer: SpanKind.PRODUCER, consumer: SpanKind.CONSUMER } as const;

export function createApiTracer(): Tracer {
  const tracer = trace.getTracer('disburse', version);
  return {
    isOn: true,
    start(name, { parent, attributes = {} } = {}) {
      const kind = kinds[kindOf[name]];
      const span = tracer.startSpan(`disburse ${name}`, { kind, attributes: { ...attributes } }, contextOf(parent));
      const { traceId, spanId, traceFlags } = span.spanContext();
      return {
        traceparent: isSpanContextValid(span.spanContext())
          ? `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`
          : undefined,
        end(more = {}) {
          span.setAttributes({ ...more }).end();
        },
        fail(code) {
          span.setStatus({ code: SpanStatusCode.ERROR, message: code }).end();
        },
      };
    },
  };
}

function contextOf(parent: string | undefined): Context {
  const [, traceId, spanId, flags] = parent?.split('-') ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return ROOT_CONTEXT;
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1, isRemote: true });
}
