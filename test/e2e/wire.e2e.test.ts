/** What really goes over the network, seen by a server that knows nothing but HTTP and RSA. */
import { verify } from 'node:crypto';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { v5 as uuidV5 } from 'uuid';
import { csvOf, row, templatePayment, templatePayout } from '../support/builders.ts';
import { inWorld, ourPair, project } from './world.ts';

interface Seen {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

const answer = (seen: Seen): string => {
  const { amount_details, metadata } = JSON.parse(seen.body.toString('utf8')) as { amount_details: object; metadata: object };
  const entries = [{ id: 'po_1', status: 'succeeded', amount_details, metadata }];
  const session = { id: `ps_${seen.body.length}`, status: 'accepted', payments: entries, acquiring_payments: entries };
  return JSON.stringify({ status: 'ok', session });
};

it('a request is the gateway’s own body, signed as it is sent, under a key that can be recomputed', async () => {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const one = { method: request.method, url: request.url, headers: request.headers, body: Buffer.concat(chunks) };
      seen.push(one);
      response.writeHead(200, { 'content-type': 'application/json' }).end(answer(one));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await inWorld({}, async (world) => {
      const rows = [
        {
          ...row('m-1', { iban: 'be68 5390 0754 7034', currency: 'eur', recipient_first_name: ' Zoë ' }),
          'metadata.order': '77',
          'metadata.shop.city': 'Gent',
        },
        row('s-1', {}, 'payment', 'card'),
      ];
      const ran = await world.run(world.write('may.csv', csvOf(rows)), [], {
        GATEWAY_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        GATEWAY_SUBMERCHANT: 'payer-7',
        GATEWAY_IDEMPOTENCY_HEADER: 'X-Once',
      });
      expect(ran.code).toBe(0);
      expect(ran.summary.statuses).toMatchObject({ succeeded: { count: 2, amounts: { EUR: '12.30', USD: '100.00' } } });
    });
  } finally {
    server.closeAllConnections();
    server.close();
  }
  const namespace = uuidV5(`urn:disburse:v1:${project}`, uuidV5.URL);
  const byUrl = new Map(seen.map((one) => [one.url, one]));
  expect([...byUrl.keys()].toSorted()).toEqual(['/api/v1/session/init/payment', '/api/v1/session/init/payout', '/api/v1/wallet/balance']);
  const inits = seen.filter(({ url }) => url?.startsWith('/api/v1/session/init/'));
  expect(inits).toHaveLength(2);
  for (const { method, headers, body } of inits) {
    expect(method).toBe('POST');
    expect(headers['content-type']).toBe('application/json');
    expect(headers['x-partner-project']).toBe(project);
    expect(headers['x-partner-submerchant']).toBe('payer-7');
    const signature = String(headers['x-partner-sign']);
    expect(signature).toMatch(/^[A-Za-z0-9+/]+=*$/);
    expect(verify('RSA-SHA256', body, ourPair.publicKey, Buffer.from(signature, 'base64'))).toBe(true);
  }
  const payout = byUrl.get('/api/v1/session/init/payout');
  expect(payout?.headers['x-once']).toBe(uuidV5('payout:m-1:1', namespace));
  expect(JSON.parse(payout?.body.toString('utf8') ?? '')).toEqual({
    ...templatePayout,
    participant_details: {
      ...templatePayout.participant_details,
      recipient: { ...templatePayout.participant_details.recipient, first_name: ' Zoë ' },
    },
    metadata: { order: '77', shop: { city: 'Gent' }, record_id: 'm-1', attempt: 1, idempotency_key: payout?.headers['x-once'] },
  });
  const payment = byUrl.get('/api/v1/session/init/payment');
  expect(payment?.headers['x-once']).toBe(uuidV5('payment:s-1:1', namespace));
  expect(JSON.parse(payment?.body.toString('utf8') ?? '')).toEqual({
    ...templatePayment,
    metadata: { record_id: 's-1', attempt: 1, idempotency_key: payment?.headers['x-once'] },
  });
});
