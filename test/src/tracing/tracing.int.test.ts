/** Where spans go: to a collector over HTTP, or to the SDK that the process was started with. */
import { ROOT_CONTEXT, trace, type Context, type Span, type SpanOptions, type Tracer as ApiTracer } from '@opentelemetry/api';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createOtlpTracer, type EndedSpan } from '../../../src/tracing/otlp-tracer.ts';
import { openTracing, type Tracing } from '../../../src/tracing/open-tracing.ts';
import { openOtlpReceiver, type OtlpReceiver } from '../../support/otlp-receiver.ts';

const incoming = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const warnings: string[] = [];
const settings = { OTEL_SERVICE_NAME: 'disburse', OTEL_TRACES_SAMPLER_ARG: 1 };

async function opened(receiver: OtlpReceiver, more: object = {}): Promise<Tracing> {
  const tracing = await openTracing(
    { ...settings, OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, ...more },
    (text) => void warnings.push(text),
  );
  if (tracing === null) throw new Error('tracing is off');
  return tracing;
}

afterEach(() => {
  warnings.length = 0;
  trace.disable();
});

describe('tracing', () => {
  it('is off without a collector and without an SDK', async () => {
    expect(await openTracing(settings, () => undefined)).toBeNull();
  });

  it('hands spans to the collector as OTLP over HTTP, when it is closed at the latest', async () => {
    const receiver = await openOtlpReceiver();
    const tracing = await opened(receiver, { OTEL_EXPORTER_OTLP_HEADERS: { authorization: 'Bearer t' }, OTEL_SERVICE_NAME: 'payouts' });
    const root = tracing.tracer.start('instruction', { parent: incoming, attributes: { 'messaging.kafka.offset': 7 } });
    const child = tracing.tracer.start('send', { parent: root.traceparent });
    child.fail('timeout');
    root.end({ 'disburse.outcome': 'admitted' });
    await tracing.close();
    await receiver.close();
    expect(receiver.requests).toMatchObject([
      { path: 'POST /v1/traces', headers: { authorization: 'Bearer t', 'content-type': 'application/json' } },
    ]);
    expect(receiver.resource()).toMatchObject({ 'service.name': 'payouts' });
    const [sent, received] = receiver.spans();
    expect(received).toMatchObject({
      name: 'disburse instruction',
      kind: 5,
      traceId: '0af7651916cd43dd8448eb211c80319c',
      parentSpanId: 'b7ad6b7169203331',
      attributes: { 'messaging.kafka.offset': '7', 'disburse.outcome': 'admitted' },
    });
    expect(sent).toMatchObject({
      ...{ name: 'disburse send', kind: 3, traceId: received?.traceId, parentSpanId: received?.spanId },
      status: { code: 2, message: 'timeout' },
    });
    expect(root.traceparent).toBe(`00-${received?.traceId}-${received?.spanId}-01`);
    for (const { startTimeUnixNano: start, endTimeUnixNano: end } of receiver.spans()) {
      expect(BigInt(end) >= BigInt(start)).toBe(true);
      expect(Math.abs(Number(BigInt(end) / 1_000_000n) - Date.now())).toBeLessThan(600_000);
    }
  });

  it('drops what a collector refuses, says so once, and goes on', async () => {
    const receiver = await openOtlpReceiver(503);
    const tracing = await opened(receiver);
    for (let count = 0; count < 1_200; count += 1) tracing.tracer.start('send').end();
    await tracing.close();
    await receiver.close();
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(
      /^traces: \d+ spans were dropped, since the collector answered with HTTP 503\. Payments are not affected\.$/,
    );
  });

  it('holds a bounded number of spans while the collector does not answer, and ends all the same', async () => {
    const receiver = await openOtlpReceiver(null);
    const tracing = await opened(receiver);
    for (let count = 0; count < 20_000; count += 1) tracing.tracer.start('send').end();
    expect(warnings[0]).toContain('is slower than spans are recorded');
    await tracing.close();
    expect(receiver.bodies.length).toBeLessThanOrEqual(1);
    await receiver.close();
  });

  it('goes to the SDK that registered itself before, which keeps trace and parent', async () => {
    const spans: { name: string; options: SpanOptions; context: Context; ended: boolean; attributes: object }[] = [];
    const tracer = {
      startSpan(name: string, options: SpanOptions, context: Context): Span {
        const one = { name, options, context, ended: false, attributes: {} };
        spans.push(one);
        const parent = trace.getSpanContext(context);
        const span = {
          spanContext: () => ({ traceId: parent?.traceId ?? 'f'.repeat(32), spanId: '00f067aa0ba902b7', traceFlags: 1 }),
          setAttributes: (attributes: object) => Object.assign(one, { attributes }) && span,
          setStatus: () => span,
          end: () => void (one.ended = true),
        };
        return span as unknown as Span;
      },
    } as unknown as ApiTracer;
    trace.setGlobalTracerProvider({ getTracer: () => tracer });
    const tracing = await openTracing(settings, () => undefined);
    const span = tracing?.tracer.start('instruction', { parent: incoming });
    span?.end({ 'disburse.outcome': 'admitted' });
    tracing?.tracer.start('publish');
    expect(span?.traceparent).toBe('00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01');
    expect(spans[0]).toMatchObject({ name: 'disburse instruction', ended: true, attributes: { 'disburse.outcome': 'admitted' } });
    expect(trace.getSpanContext(spans[0]?.context ?? ROOT_CONTEXT)?.spanId).toBe('b7ad6b7169203331');
    expect(spans[1]?.context).toBe(ROOT_CONTEXT);
  });
});

describe('an SDK that throws', () => {
  it('in any of its calls costs a span and nothing else', async () => {
    const fault = (): never => {
      throw new Error('a fault of the SDK');
    };
    const spanContext = () => ({ traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 });
    const broken = { spanContext, setAttributes: fault, setStatus: fault };
    for (const startSpan of [fault, () => broken]) {
      trace.disable();
      trace.setGlobalTracerProvider({ getTracer: () => ({ startSpan }) as unknown as ApiTracer });
      const tracing = await openTracing(settings, () => undefined);
      const span = tracing?.tracer.start('send', { parent: incoming });
      expect(() => span?.end()).not.toThrow();
      expect(() => span?.fail('timeout')).not.toThrow();
    }
  });
});

describe('the tracer for a collector', () => {
  const recorded = (ratio: number) => {
    const spans: EndedSpan[] = [];
    return { spans, tracer: createOtlpTracer({ ratio, onEnd: (span) => void spans.push(span) }) };
  };

  it('follows a parent that is not sampled: it records nothing and passes the parent on', () => {
    const { spans, tracer } = recorded(1);
    const parent = incoming.replace(/01$/, '00');
    const span = tracer.start('instruction', { parent });
    span.end();
    expect(span.traceparent).toBe(parent);
    expect(spans).toEqual([]);
  });

  it.each([
    [0, 0, 0],
    [1, 400, 400],
    [0.5, 120, 280],
  ])('records a share of %d of the traces that begin here, whole', (ratio, least, most) => {
    const { spans, tracer } = recorded(ratio);
    for (let count = 0; count < 400; count += 1) {
      const root = tracer.start('instruction');
      tracer.start('send', { parent: root.traceparent }).end();
      root.end();
    }
    expect(spans.length % 2).toBe(0);
    expect(spans.length / 2).toBeGreaterThanOrEqual(least);
    expect(spans.length / 2).toBeLessThanOrEqual(most);
  });

  it('records a span once, however often it is ended', () => {
    const { spans, tracer } = recorded(1);
    const span = tracer.start('send');
    span.fail('timeout');
    span.end();
    expect(spans).toHaveLength(1);
  });
});

vi.setConfig({ testTimeout: 20_000 });
