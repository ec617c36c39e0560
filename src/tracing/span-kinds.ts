import type { SpanName } from '../../batches/ports/tracer.ts';

type Kind = 'internal' | 'client' | 'producer' | 'consumer';

/** What OpenTelemetry calls the kind of a span: which side of a call or message it is. */
export const kindOf: Readonly<Record<SpanName, Kind>> = {
  instruction: 'consumer',
  enqueue: 'producer',
  validate: 'internal',
  intent: 'internal',
  send: 'client',
  resend: 'client',
  status: 'client',
  confirm: 'client',
  capture: 'client',
  cancel: 'client',
  publish: 'producer',
};
