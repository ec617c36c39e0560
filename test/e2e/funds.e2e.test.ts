/** Balances that run out, by the sandbox: nothing is spent twice, and everything is paid after a top-up. */
import { describe, expect, it } from 'vitest';
import { csvOf, row } from '../support/builders.ts';
import { inWorld, type World } from './world.ts';

const topUp = (world: World, query: string): Promise<Response> =>
  fetch(new URL(`/_sandbox/top-up?${query}`, world.sandbox.url), { method: 'POST' });

interface Payment {
  readonly record_id: string;
  readonly entry_status: string;
}

const paid = async (world: World): Promise<string[]> => {
  const lines = (await (await fetch(new URL('/_sandbox/payments', world.sandbox.url))).text()).split('\n').filter((line) => line !== '');
  return lines
    .map((line) => JSON.parse(line) as Payment)
    .map(({ record_id: id }) => id)
    .toSorted();
};

const tenEach = (count: number, prefix = 'p'): string =>
  csvOf(Array.from({ length: count }, (_, index) => row(`${prefix}-${index + 1}`, { amount: '10.00' })));

/** A run of a paused batch ends after this, and what was sent before has succeeded by then on any machine. */
const paused = ['--wait', '6s'];

describe('a balance that runs out during a run', () => {
  it('pauses the batch, fails no record, and after a top-up and resume each is paid once', async () => {
    await inWorld({ balance: new Map([['eur', 2500n]]), underfunded: 'refuse' }, async (world) => {
      const path = world.write('may.csv', tenEach(6));
      const ran = await world.run(path, paused, { DISPATCH_RATE: '20', DISPATCH_CONCURRENCY: '1' });
      expect(ran.code, ran.stderr).toBe(3);
      expect(ran.summary).toMatchObject({
        state: 'paused',
        statuses: { succeeded: { count: 2 }, queued: { count: 4 }, failed: { count: 0 } },
      });
      expect(ran.stderr).toContain('the balance at the gateway does not cover the batch');
      expect(world.events().filter(({ error }) => error?.code === 'underfunded')).toHaveLength(4);
      expect((await topUp(world, 'EUR=40.00')).ok).toBe(true);
      expect((await world.command(['resume', 'may.csv'])).code).toBe(0);
      const again = await world.run(path);
      expect(again).toMatchObject({ code: 0, summary: { state: 'finished', statuses: { succeeded: { count: 6 } }, balanced: true } });
      expect(await paid(world)).toEqual(['p-1', 'p-2', 'p-3', 'p-4', 'p-5', 'p-6']);
    });
  });
});

describe('balance', () => {
  it('shows wallets, what is to be paid and what is missing, with and without a ledger', async () => {
    await inWorld({ balance: new Map([['eur', 2500n]]), underfunded: 'refuse' }, async (world) => {
      const before = await world.command(['balance', '--json']);
      expect(before, before.stderr).toMatchObject({ code: 0, stderr: '' });
      expect(JSON.parse(before.stdout)).toEqual({ wallets: [{ id: 'wl_eur', currency: 'EUR', amount: '25.00' }], needed: {}, missing: {} });
      await world.command(['balance'], {});
      await world.run(world.write('may.csv', tenEach(6)), paused, { DISPATCH_CONCURRENCY: '1' });
      const after = await world.command(['balance', '--json']);
      expect(JSON.parse(after.stdout)).toMatchObject({
        wallets: [{ amount: '5.00' }],
        needed: { EUR: '40.00' },
        missing: { EUR: '35.00' },
      });
      expect((await world.command(['balance'])).stdout).toMatch(/EUR +5\.00 +40\.00 +35\.00/);
    });
  });

  it('is exit 3 with one sentence when the gateway cannot be reached', async () => {
    await inWorld({}, async (world) => {
      const ended = await world.command(['balance'], { GATEWAY_URL: 'http://127.0.0.1:1' });
      expect(ended).toMatchObject({ code: 3, stdout: '' });
      expect(ended.stderr).toContain('the gateway does not show its balance: connection_refused');
    });
  });
});

describe('a balance that does not cover a file', () => {
  it('is one warning on stderr, and the file is sent', async () => {
    await inWorld({ balance: new Map([['eur', 2500n]]), underfunded: 'hold' }, async (world) => {
      const ran = await world.run(world.write('may.csv', tenEach(3)), ['--wait', '1s']);
      expect(ran.stderr.match(/EUR 5\.00 is missing: 30\.00 is to be paid, and the balance is 25\.00/g)).toHaveLength(1);
      expect(ran.summary.statuses.queued.count).toBe(0);
    });
  });

  it.each([
    ['--require-funds', ['--require-funds'], {}],
    ['REQUIRE_FUNDS=true', [], { REQUIRE_FUNDS: 'true' }],
  ] as const)('pauses it under %s before anything is sent; resume after a top-up pays it', async (_name, args, env) => {
    await inWorld({ balance: new Map([['eur', 2500n]]), underfunded: 'refuse' }, async (world) => {
      const path = world.write('may.csv', tenEach(3));
      const ran = await world.run(path, ['--wait', '1s', ...args], env);
      expect(ran).toMatchObject({ code: 3, summary: { state: 'paused', statuses: { queued: { count: 3 } } } });
      expect(await paid(world)).toEqual([]);
      await topUp(world, 'EUR=5.00');
      expect((await world.command(['resume', 'may.csv'])).code).toBe(0);
      expect(await world.run(path, [...args], env)).toMatchObject({ code: 0, summary: { statuses: { succeeded: { count: 3 } } } });
    });
  });

  it('that the gateway does not show is waited for under --require-funds, and is a warning without', async () => {
    await inWorld({}, async (world) => {
      const away = { GATEWAY_URL: 'http://127.0.0.1:1' };
      const ran = await world.run(world.write('may.csv', tenEach(1)), ['--wait', '1s', '--require-funds'], away);
      expect(ran).toMatchObject({ code: 3, summary: { statuses: { succeeded: { count: 0 } } } });
      expect(ran.stderr).toContain('the gateway does not show its balance');
      const other = await world.run(world.write('june.csv', tenEach(1, 'j')), ['--wait', '1s'], away);
      expect(other.stderr).toContain('so it is not compared: connection_refused');
    });
  });
});
