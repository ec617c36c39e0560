/** One trace from the message of an instruction to its results, whichever instance decides them. */
import { describe, expect, it } from 'vitest';
import { payoutEvent } from '../support/builders.ts';
import { openOtlpReceiver } from '../support/otlp-receiver.ts';
import { kafkaBrokers, redisUrl } from '../support/services.ts';
import { csvOf, payouts } from '../support/builders.ts';
import { inCluster, until } from './cluster.ts';

const servers = () => ({ kafkaBrokers: kafkaBrokers(), redisUrl: redisUrl() });
const incoming = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const traceOf = (traceparent: string | undefined): string | undefined => traceparent?.split('-')[1];

describe('the trace of a message', () => {
  it('is that of its header traceparent, and is in the header of every result, without a collector too', async () => {
    await inCluster(servers(), { partitions: 1 }, async (cluster) => {
      await cluster.serve();
      await cluster.produce([payoutEvent('traced')], { headers: { traceparent: incoming } });
      await cluster.produce([payoutEvent('odd')], { headers: { traceparent: '5555341244441115' } });
      await cluster.produce([payoutEvent('plain')]);
      await until('three final results', async () => (await cluster.results()).filter(({ final }) => final).length >= 3);
      for (const { key, value, headers } of await cluster.read('results')) {
        expect(headers['traceparent']).toBe(key === 'traced' ? incoming : undefined);
        expect((JSON.parse(value ?? '') as { source: { traceparent?: string } }).source.traceparent).toBe(headers['traceparent']);
      }
    });
  });

  it('goes through validation, intent, send, status check and publication of two instances, and of a file from its row on', async () => {
    const collector = await openOtlpReceiver();
    await inCluster(servers(), { partitions: 2 }, async (cluster) => {
      const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
      const instances = [await cluster.serve(env), await cluster.serve(env)];
      await cluster.produce([payoutEvent('traced')], { headers: { traceparent: incoming } });
      const ended = await cluster.command(['run', cluster.write('may.csv', csvOf(payouts(2)))], env);
      expect(ended.code).toBe(0);
      await until('three final results', async () => (await cluster.results()).filter(({ final }) => final).length >= 3);
      for (const instance of instances) instance.kill('SIGTERM');
      await Promise.all(instances.map((instance) => instance.ended));

      const spans = collector.spans();
      const results = await cluster.read('results');
      for (const { key, headers } of results) {
        const traceId = traceOf(headers['traceparent']);
        expect(traceId).toBeDefined();
        const own = spans.filter((span) => span.traceId === traceId);
        const names = new Set(own.map(({ name }) => name.replace('disburse ', '')));
        const steps = ['instruction', 'validate', 'intent', 'send', 'status', 'confirm', 'publish'];
        expect([...names].toSorted()).toEqual((key === 'traced' ? steps : [...steps, 'enqueue']).toSorted());
        expect(own.some(({ spanId }) => spanId === headers['traceparent']?.split('-')[2])).toBe(true);
      }
      const traces = new Map(results.map(({ key, headers }) => [key, traceOf(headers['traceparent'])]));
      expect(traces.get('traced')).toBe(traceOf(incoming));
      expect(new Set(traces.values()).size).toBe(3);
      const root = spans.find(({ name, traceId }) => name === 'disburse instruction' && traceId === traceOf(incoming));
      expect(root?.parentSpanId).toBe(incoming.split('-')[2]);
    });
    await collector.close();
  });
});
