/** `run --webhooks` and `serve` against a gateway that posts webhooks. */
import { readFileSync, writeFileSync } from 'node:fs';
import { createSign } from 'node:crypto';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { alertSchema } from '../../batches/record/alert-event.ts';
import { csvOf, payouts, row } from '../support/builders.ts';
import { freePort } from '../support/free-port.ts';
import { countsOf, inWorld, otherPair, ourPair, until, type World } from './world.ts';

const path = '/webhooks/smart-glocal';

/** The gateway signs with the other pair; disburse knows ours too, as while a key is replaced. */
function trusting(world: World): Record<string, string> {
  const files = [ourPair, otherPair].map(({ publicKey }, index) => {
    const file = join(world.folder, `gateway-${index}.pem`);
    writeFileSync(file, publicKey);
    return file;
  });
  return { GATEWAY_PUBLIC_KEY_FILE: files.join(','), GATEWAY_KEY_LIFETIME: '1s' };
}

const inits = (world: World) => world.sandbox.calls().filter(({ method }) => method.startsWith('session/init/'));

describe.concurrent('run --webhooks', () => {
  it('ends by webhook what only a webhook can end: every answer is lost, and nothing is sent twice', async ({ expect }) => {
    const port = await freePort();
    const webhookUrl = `http://127.0.0.1:${port}${path}`;
    const faults = 'lost-answer=1,repeat-webhook=0.3,late-webhook=0.2';
    await inWorld({ faults, webhookUrl, privateKeyPem: otherPair.privateKey }, async (world) => {
      const file = world.write('may.csv', csvOf([...payouts(12), row('c-1', {}, 'payout', 'card')]));
      const ran = await world.run(file, ['--webhooks', `127.0.0.1:${port}`, '--wait', '60s'], trusting(world));
      expect(countsOf(ran.summary)).toEqual({ succeeded: 13 });
      expect(ran.code).toBe(0);
      expect(inits(world)).toHaveLength(13);
      expect(world.sandbox.payments().every(({ entry_status }) => entry_status === 'succeeded')).toBe(true);
      expect(readFileSync(join(world.dataDir, 'alerts.jsonl'), 'utf8')).toBe('');
    });
  });

  it('writes one alert for each session with another amount, by whatever it was shown', async ({ expect }) => {
    const port = await freePort();
    const webhookUrl = `http://127.0.0.1:${port}${path}`;
    await inWorld({ faults: 'wrong-amount=1,repeat-webhook=1', webhookUrl, privateKeyPem: otherPair.privateKey }, async (world) => {
      const file = world.write('may.csv', csvOf(payouts(3)));
      const ran = await world.run(file, ['--webhooks', `127.0.0.1:${port}`, '--wait', '60s'], trusting(world));
      expect(countsOf(ran.summary)).toEqual({ cancelled: 3 });
      const lines = readFileSync(join(world.dataDir, 'alerts.jsonl'), 'utf8').trim().split('\n');
      const alerts = lines.map((line) => alertSchema.parse(JSON.parse(line)));
      expect(alerts.map(({ alert, record_id }) => `${alert} ${record_id}`).toSorted()).toEqual(
        ['p-1', 'p-2', 'p-3'].map((id) => `evidence_mismatch ${id}`),
      );
    });
  });

  it('says what is missing or wrong before anything is sent', async ({ expect }) => {
    await inWorld({}, async (world) => {
      const file = world.write('may.csv', csvOf(payouts(1)));
      const none = await world.command(['run', file, '--webhooks', '127.0.0.1:0']);
      expect([none.code, none.stderr]).toEqual([1, expect.stringContaining('--webhooks needs GATEWAY_PUBLIC_KEY_FILE')]);
      const form = await world.command(['run', file, '--webhooks', '8080'], trusting(world));
      expect([form.code, form.stderr]).toEqual([1, expect.stringContaining('127.0.0.1:8080')]);
      const both = world.write('both.pem', `${ourPair.publicKey}${otherPair.publicKey}`);
      const several = await world.command(['run', file, '--webhooks', '127.0.0.1:0'], { GATEWAY_PUBLIC_KEY_FILE: both });
      expect([several.code, several.stderr]).toEqual([1, expect.stringContaining('holds 2 keys')]);
      const taken = new URL(world.env['GATEWAY_URL'] ?? '').host;
      const inUse = await world.command(['run', file, '--webhooks', taken], trusting(world));
      expect([inUse.code, inUse.stderr]).toEqual([1, expect.stringMatching(/cannot be served .* --webhooks/)]);
      const servers = { KAFKA_BROKERS: '127.0.0.1:1', REDIS_URL: 'redis://127.0.0.1:1', LEDGER_KEY_FILE: both };
      const distributed = await world.command(['run', file, '--webhooks', '127.0.0.1:0'], { ...trusting(world), ...servers });
      expect([distributed.code, distributed.stderr]).toEqual([1, expect.stringContaining('disburse serve takes webhooks')]);
      expect(inits(world)).toHaveLength(0);
    });
  });
});

it('serve answers 401, 400 and 413 to what is no webhook of the gateway, and counts it', async () => {
  await inWorld({}, async (world) => {
    const port = await freePort();
    const serving = world.begin(['serve', '--http-port', String(port)], trusting(world));
    const url = `http://127.0.0.1:${port}`;
    await until('serving', () => serving.stderr().includes('"serving"'));
    const post = async (body: string, signed = true): Promise<number> => {
      const sign = createSign('sha256').update(body).sign(otherPair.privateKey, 'base64');
      return (await fetch(`${url}${path}`, { method: 'POST', body, headers: signed ? { 'X-PARTNER-SIGN': sign } : {} })).status;
    };
    expect(await post('{}', false)).toBe(401);
    expect(await post('{"type":"payment_finished"}')).toBe(400);
    expect(await post('x'.repeat(65_537))).toBe(413);
    expect(await post('{"session":{"id":"ps_1","status":"accepted","payments":[]}}')).toBe(200);
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).toContain('disburse_webhooks_total{type="unverified",outcome="bad_signature"} 1');
    expect(metrics).toContain('disburse_webhooks_total{type="payment_finished",outcome="unreadable"} 1');
    expect(metrics).toContain('disburse_webhooks_total{type="unverified",outcome="too_large"} 1');
    expect(metrics).toContain('disburse_webhooks_total{type="other",outcome="not_ours"} 1');
    serving.child.kill('SIGTERM');
    expect((await serving.ended).code).toBe(0);
  });
});
