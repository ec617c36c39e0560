/** Webhooks in the distributed profile: any instance takes any of them. */
import { createSign } from 'node:crypto';
import { expect, it } from 'vitest';
import { alertSchema } from '../../batches/record/alert-event.ts';
import { createKeyDerivation } from '../../batches/record/idempotency-key.ts';
import { payoutEvent as event } from '../support/builders.ts';
import { freePort } from '../support/free-port.ts';
import { kafkaBrokers, redisUrl } from '../support/services.ts';
import { inCluster, once, until, type Instance } from './cluster.ts';
import { otherPair, project } from './world.ts';

const path = '/webhooks/smart-glocal';
const keys = createKeyDerivation(project);

const post = async ({ url }: Instance, body: object): Promise<number> => {
  const text = JSON.stringify(body);
  const signature = createSign('sha256').update(text).sign(otherPair.privateKey, 'base64');
  return (await fetch(`${url}${path}`, { method: 'POST', body: text, headers: { 'X-PARTNER-SIGN': signature } })).status;
};

it('an instance ends by webhook what another one sent, contradictions are alerts, and a lost ledger takes none', async () => {
  const port = await freePort();
  const webhookUrl = `http://127.0.0.1:${port}${path}`;
  await inCluster(
    { kafkaBrokers: kafkaBrokers(), redisUrl: redisUrl() },
    { faults: 'lost-answer=1,repeat-webhook=0.5', webhookUrl, privateKeyPem: otherPair.privateKey },
    async (cluster) => {
      const more = { GATEWAY_PUBLIC_KEY_FILE: cluster.write('gateway.pem', otherPair.publicKey), GATEWAY_KEY_LIFETIME: '1s' };
      const taking = await cluster.serve({ ...more, HTTP_PORT: String(port) });
      const other = await cluster.serve(more);
      await cluster.produce(Array.from({ length: 16 }, (_, n) => event(`w-${n}`, 1000 + n)));
      const finals = async () => once(await cluster.results()).filter((result) => result.final);
      await until('every record to end', async () => (await finals()).length >= 16);
      expect((await finals()).map(({ status }) => status)).toEqual(Array.from({ length: 16 }, () => 'succeeded'));
      const payments = cluster.sandbox.payments();
      expect(payments).toHaveLength(16);
      expect(await cluster.count('alerts')).toBe(0);

      // Another end after the end, told to both: one alert, under one id.
      const first = payments.find(({ record_id }) => record_id === 'w-0');
      const shown = (recordId: string) => ({
        id: first?.session_id,
        status: 'accepted',
        payments: [
          {
            status: 'failed',
            amount_details: { amount: 1000, currency: 'eur' },
            metadata: { record_id: recordId, attempt: 1, idempotency_key: keys.idempotencyKey('payout', recordId, 1) },
          },
        ],
      });
      const contradicting = { type: 'payment_finished', session: shown('w-0') };
      for (const one of [taking, other, taking]) expect(await post(one, contradicting)).toBe(200);
      const alerts = (await cluster.read('alerts')).map(({ key, value }) => ({ key, alert: alertSchema.parse(JSON.parse(value ?? '')) }));
      expect(new Set(alerts.map(({ alert }) => alert.event_id)).size).toBe(1);
      expect(alerts[0]).toMatchObject({ key: 'w-0', alert: { alert: 'evidence_mismatch', record_id: 'w-0' } });
      expect((await finals()).filter(({ record_id }) => record_id === 'w-0')).toMatchObject([{ status: 'succeeded' }]);

      // A ledger that has lost everything knows no record: that must not end the webhook.
      await cluster.wipeRedis();
      expect(await post(other, contradicting)).not.toBe(200);
      expect(await cluster.count('alerts')).toBe(alerts.length);
    },
  );
});
