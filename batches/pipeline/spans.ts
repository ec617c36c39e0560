/** What spans say of records, messages and answers: ids, codes and numbers. */
import type { MessageReading } from '../event/read-message.ts';
import type { ParseResult } from '../instruction/instruction.ts';
import type { ResultSink } from '../ports/result-sink.ts';
import type { SpanAttributes, SpanOptions, Tracer } from '../ports/tracer.ts';
import type { FirstSendEvidence, ResendEvidence, StatusEvidence } from '../record/evidence.ts';
import type { LedgerRecord, Verdict } from '../record/record.ts';
import { resultMembers, traceparentOf } from '../record/result-members.ts';

export const spanOf = ({
  occurrence,
  recordId,
  kind,
  attempt,
}: Pick<LedgerRecord, 'occurrence' | 'recordId' | 'kind' | 'attempt'>): SpanOptions => ({
  parent: occurrence.source.traceparent,
  attributes: { 'disburse.record_id': recordId, 'disburse.kind': kind, 'disburse.attempt': attempt },
});

export const spanEnd = (evidence: FirstSendEvidence | ResendEvidence | StatusEvidence): SpanAttributes =>
  evidence.type === 'session'
    ? { 'disburse.outcome': evidence.session.verdict.type, 'disburse.session_id': evidence.session.sessionId }
    : { 'disburse.outcome': evidence.type, 'disburse.code': evidence.code };

/** Of a reading, the first code says why it is not valid. */
const readingAttributes = (reading: ParseResult): SpanAttributes => {
  if (reading.ok) return { 'disburse.record_id': reading.draft.recordId };
  const { recordId, problems } = reading.refusal;
  return { ...(recordId === undefined ? {} : { 'disburse.record_id': recordId }), 'disburse.code': problems[0].code };
};

export const readingEnd = (read: MessageReading): SpanAttributes =>
  read.type === 'dead' ? { 'disburse.outcome': 'dead_letter', 'disburse.code': read.reason } : readingAttributes(read.reading);

export const admissionEnd = (reading: ParseResult, verdict: Verdict | undefined): SpanAttributes => ({
  ...readingAttributes(reading),
  'disburse.outcome': verdict?.type === 'settled' ? verdict.status : (verdict?.type ?? 'none'),
});

/** The same sink; each event of a trace is a span of it. */
export const tracedSink = (sink: ResultSink, tracer: Tracer): ResultSink =>
  tracer.isOn
    ? {
        async publish(entries) {
          const spans = entries.flatMap(({ json }) => {
            const parent = traceparentOf(json);
            if (parent === undefined) return [];
            const { record_id: recordId, status } = resultMembers(json);
            const attributes = { ...(recordId === undefined ? {} : { 'disburse.record_id': recordId }), 'disburse.status': status ?? '' };
            return [tracer.start('publish', { parent, attributes })];
          });
          try {
            const published = await sink.publish(entries);
            for (const span of spans) span.end();
            return published;
          } catch (cause) {
            for (const span of spans) span.fail('failed');
            throw cause;
          }
        },
        close: () => sink.close(),
      }
    : sink;
