/** One trace for each row of a file, from its admission to its last result. */
import { expect, it } from 'vitest';
import { csvOf, payouts, row } from '../support/builders.ts';
import { openOtlpReceiver } from '../support/otlp-receiver.ts';
import { inWorld } from './world.ts';

it('run hands a collector one trace of each row, with intent, send, status checks, confirmation and every publication', async () => {
  const collector = await openOtlpReceiver();
  await inWorld({}, async (world) => {
    const path = world.write('may.csv', csvOf([...payouts(3), row('bad', { iban: 'DE88370400440532013000' })]));
    const { code } = await world.run(path, [], { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url });
    expect(code).toBe(2);
    const spans = collector.spans();
    const roots = spans.filter(({ name }) => name === 'disburse instruction');
    expect(new Set(roots.map(({ traceId }) => traceId)).size).toBe(4);
    expect(roots.map(({ parentSpanId }) => parentSpanId)).toEqual([undefined, undefined, undefined, undefined]);
    for (const event of world.events()) {
      const [, traceId, spanId] = event.source.traceparent?.split('-') ?? [];
      const root = roots.find((one) => one.traceId === traceId);
      expect(root).toMatchObject({ spanId, attributes: { 'disburse.record_id': event.record_id } });
      const own = spans.filter((span) => span.traceId === traceId && span !== root);
      for (const span of own) expect(span.parentSpanId).toBe(spanId);
      const names = new Set(own.map(({ name }) => name));
      const expected = ['intent', 'send', 'status', 'confirm', 'publish'].map((name) => `disburse ${name}`);
      expect([...names].toSorted()).toEqual(event.record_id === 'bad' ? ['disburse publish'] : expected.toSorted());
      const published = own.filter(({ name }) => name === 'disburse publish').map(({ attributes }) => attributes['disburse.status']);
      expect(published).toContain(event.status);
    }
    const sent = spans.find(({ name }) => name === 'disburse send');
    expect(sent?.attributes).toMatchObject({ 'disburse.kind': 'payout', 'disburse.attempt': '1' });
    expect(sent?.attributes).toHaveProperty(['disburse.session_id']);
  });
  await collector.close();
});

it('run without a collector writes no trace into results and ledger', async () => {
  await inWorld({}, async (world) => {
    await world.run(world.write('may.csv', csvOf(payouts(2))));
    expect(world.events().map(({ source }) => source)).not.toContainEqual(
      expect.objectContaining({ traceparent: expect.anything() as string }),
    );
  });
});

it('run pays all rows, and ends, while the collector does not answer', async () => {
  const collector = await openOtlpReceiver(null);
  await inWorld({}, async (world) => {
    const { code, stderr } = await world.run(world.write('may.csv', csvOf(payouts(3))), [], {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    });
    expect(code).toBe(0);
    expect(stderr).not.toContain('"level":"error"');
    expect(world.sandbox.payments()).toHaveLength(3);
  });
  await collector.close();
});
