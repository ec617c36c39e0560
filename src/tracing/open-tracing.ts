/**
 * Whether this process records spans, and where they go. Nothing of it is loaded while tracing is off.
 *
 * An SDK that was loaded with `node --import` before the program counts first: it has its own exporters and settings.
 */
import { noTracing, type Tracer } from '../../batches/ports/tracer.ts';
import type { Settings } from '../config/variables.ts';

export interface Tracing {
  readonly tracer: Tracer;
  /** Hands over what is recorded, within a few seconds. Never rejects. */
  close(): Promise<void>;
}

/** Where `@opentelemetry/api` 1.x keeps what an SDK registered, so that every copy of it in a process finds the same. */
const registry = Symbol.for('opentelemetry.js.api.1');

/** @returns null when nothing is to be recorded */
export async function openTracing(
  settings: Pick<Settings, 'OTEL_EXPORTER_OTLP_ENDPOINT' | 'OTEL_EXPORTER_OTLP_HEADERS' | 'OTEL_SERVICE_NAME' | 'OTEL_TRACES_SAMPLER_ARG'>,
  onWarning: (message: string) => void,
): Promise<Tracing | null> {
  const registered = (globalThis as { readonly [registry]?: { readonly trace?: unknown } })[registry];
  // What the SDK holds is handed over by itself when the process ends.
  if (registered?.trace !== undefined)
    return { tracer: neverThrows((await import('./api-tracer.ts')).createApiTracer()), close: () => Promise.resolve() };
  const { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_HEADERS: headers = {} } = settings;
  if (endpoint === undefined) return null;
  const { createOtlpExporter } = await import('./otlp-exporter.ts');
  const { createOtlpTracer } = await import('./otlp-tracer.ts');
  const exporter = createOtlpExporter({ endpoint, headers, serviceName: settings.OTEL_SERVICE_NAME, onWarning });
  return {
    tracer: neverThrows(createOtlpTracer({ ratio: settings.OTEL_TRACES_SAMPLER_ARG, onEnd: exporter.add })),
    close: exporter.close,
  };
}

/** Spans begin and end between an intent and what the gateway answered: a fault of tracing must not lose the answer. */
function neverThrows(tracer: Tracer): Tracer {
  const attempt = (work: () => void): void => {
    try {
      work();
    } catch {
      // A span less.
    }
  };
  return {
    isOn: tracer.isOn,
    start(name, options) {
      try {
        const span = tracer.start(name, options);
        return {
          traceparent: span.traceparent,
          end: (attributes) => attempt(() => span.end(attributes)),
          fail: (code) => attempt(() => span.fail(code)),
        };
      } catch {
        return noTracing.start(name);
      }
    },
  };
}
