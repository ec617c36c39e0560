/**
 * Hands spans to a collector: OTLP over HTTP, as JSON. Tracing never holds up a payment: what the collector does not take in
 * time is dropped, counted and reported.
 */
import { randomUUID } from 'node:crypto';
import type { SpanAttributes } from '../../batches/ports/tracer.ts';
import { version } from '../version.ts';
import type { EndedSpan } from './otlp-tracer.ts';
import { kindOf } from './span-kinds.ts';

export interface OtlpExporterParams {
  /** Without `/v1/traces`. */
  readonly endpoint: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly serviceName: string;
  /** Called at most once a minute. */
  readonly onWarning: (message: string) => void;
}

export interface OtlpExporter {
  add(this: void, span: EndedSpan): void;
  /** Hands over what there is, within a few seconds. Never rejects. */
  close(this: void): Promise<void>;
}

const maxSpans = 8_192;
const groupSize = 512;
const everyMs = 5_000;
const callMs = 10_000;
const closeMs = 3_000;
const warnEveryMs = 60_000;

export function createOtlpExporter({ endpoint, headers, serviceName, onWarning }: OtlpExporterParams): OtlpExporter {
  const resource = {
    attributes: attributesOf({ 'service.name': serviceName, 'service.version': version, 'service.instance.id': randomUUID() }),
  };
  const waiting: EndedSpan[] = [];
  let dropped = 0;
  let warnedAt = Number.NEGATIVE_INFINITY;
  let sending: Promise<void> | undefined;

  const drop = (count: number, why: string): void => {
    dropped += count;
    if (performance.now() - warnedAt < warnEveryMs) return;
    warnedAt = performance.now();
    onWarning(`traces: ${dropped} spans were dropped, since the collector ${why}. Payments are not affected.`);
    dropped = 0;
  };
  const send = async (spans: readonly EndedSpan[], timeoutMs: number): Promise<void> => {
    const why = await post(`${endpoint}/v1/traces`, headers, requestOf(resource, spans), timeoutMs);
    if (why !== null) drop(spans.length, why);
  };
  const sendAll = async (deadline: number): Promise<void> => {
    while (waiting.length > 0) {
      const timeoutMs = Math.floor(Math.min(callMs, deadline - performance.now()));
      if (timeoutMs <= 0) return drop(waiting.splice(0).length, 'took too long');
      await send(waiting.splice(0, groupSize), timeoutMs);
    }
  };
  const start = (deadline = Number.POSITIVE_INFINITY): Promise<void> =>
    (sending ??= sendAll(deadline).finally(() => (sending = undefined)));
  // What is recorded must not keep a process alive that has ended its work.
  const timer = setInterval(() => void start(), everyMs).unref();

  return {
    add(span) {
      if (waiting.length >= maxSpans) return drop(1, 'is slower than spans are recorded');
      waiting.push(span);
      if (waiting.length >= groupSize) void start();
    },
    async close() {
      clearInterval(timer);
      const deadline = performance.now() + closeMs;
      const late = new Promise<void>((resolve) => setTimeout(resolve, closeMs).unref());
      // One may be under way, without the deadline.
      await Promise.race([late, Promise.resolve(sending).then(() => start(deadline))]);
    },
  };
}

/** @returns why the collector did not take it, as a clause; null when it did */
async function post(url: string, headers: Readonly<Record<string, string>>, body: string, timeoutMs: number): Promise<string | null> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body,
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    });
    await response.body?.cancel();
    return response.ok ? null : `answered with HTTP ${response.status}`;
  } catch {
    return 'did not answer';
  }
}

/** Times are nanoseconds since the epoch, as text: they are larger than a double counts exactly. */
const nanoseconds = (ms: number): string => `${Math.round(ms * 1_000)}000`;
const kindNumbers = { internal: 1, client: 3, producer: 4, consumer: 5 } as const;

const requestOf = (resource: object, spans: readonly EndedSpan[]): string =>
  JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ scope: { name: 'disburse', version }, spans: spans.map(toOtlp) }] }] });

const toOtlp = ({ name, traceId, spanId, parentId, startMs, endMs, attributes, failure }: EndedSpan) => ({
  traceId,
  spanId,
  ...(parentId === undefined ? {} : { parentSpanId: parentId }),
  name: `disburse ${name}`,
  kind: kindNumbers[kindOf[name]],
  startTimeUnixNano: nanoseconds(startMs),
  endTimeUnixNano: nanoseconds(endMs),
  attributes: attributesOf(attributes),
  ...(failure === undefined ? {} : { status: { code: 2, message: failure } }),
});

const attributesOf = (attributes: SpanAttributes) =>
  Object.entries(attributes).map(([key, value]) => ({
    key,
    value: typeof value === 'number' ? { intValue: String(value) } : { stringValue: value },
  }));
