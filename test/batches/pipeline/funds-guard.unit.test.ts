import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { GatewayResponse } from '../../../batches/gateway/gateway-response.ts';
import { createFundsGuard } from '../../../batches/pipeline/funds-guard.ts';
import type { Pause, SetPause } from '../../../batches/record/pause.ts';
import type { TallyRow } from '../../../batches/record/tally.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

const row = (status: TallyRow['status'], currency: string, amountMinor: bigint): TallyRow => ({ status, currency, count: 1, amountMinor });
const tallies = [
  row('queued', 'EUR', 1500n),
  row('submitting', 'EUR', 300n),
  row('in_progress', 'EUR', 200n),
  row('unknown', 'EUR', 999n),
  row('succeeded', 'EUR', 5000n),
  row('queued', 'JPY', 70n),
];
const wallets = (amounts: Readonly<Record<string, number>>): GatewayResponse => ({
  type: 'answer',
  httpStatus: 200,
  json: {
    status: 'ok',
    wallets: Object.entries(amounts).map(([currency, amount]) => ({ id: `wl_${currency}`, amount_details: { amount, currency } })),
  },
});

function guardOf(balance: () => Promise<GatewayResponse>, pauses: SetPause[] = []) {
  const clock = createVirtualClock(0);
  let asked = 0;
  const guard = createFundsGuard({
    clock,
    gateway: {
      balance() {
        asked += 1;
        return balance();
      },
    },
    ledger: {
      pauses: async () => [...pauses],
      tallies: async () => tallies,
      async setPause({ batchId, pause }: { readonly batchId: string | null; readonly pause: Pause | null }) {
        if (pause !== null) pauses.push({ batchId, ...pause });
        return true;
      },
    },
  });
  return { guard, clock, pauses, asked: () => asked };
}

describe('the pause of a batch that lacks money', () => {
  it('says per currency how much is missing: what is queued and in flight, less the balance', async () => {
    const { guard } = guardOf(async () => wallets({ eur: 1999, usd: 5 }));
    expect(await guard.pause('b')).toMatchObject({
      batchId: 'b',
      code: 'underfunded',
      by: 'disburse',
      reason:
        'EUR 0.01 is missing: 20.00 is to be paid, and the balance is 19.99; JPY 70 is missing: 70 is to be paid, and the balance is 0',
    });
  });

  it('is set once for many refusals at the same time, and asks for the balance once', async () => {
    const { guard, pauses, asked } = guardOf(async () => wallets({ eur: 0 }));
    const all = await Promise.all([guard.pause('b'), guard.pause('b'), guard.pause('b')]);
    expect(new Set(all).size).toBe(1);
    await guard.pause('b');
    expect([pauses.length, asked()]).toEqual([1, 1]);
  });

  it('is set without an amount when the gateway does not show its balance in time, or at all', async () => {
    const slow = guardOf(() => new Promise(() => undefined));
    const pausing = slow.guard.pause('b');
    await turn();
    slow.clock.advance(3_000);
    expect((await pausing).reason).toMatch(/^how much is missing is not known: .* no answer within 3 s$/);
    const broken = guardOf(async () => ({ type: 'answer', httpStatus: 200, json: '<html>' }));
    expect((await broken.guard.pause('b')).reason).toContain('without wallets');
  });

  it('leaves a pause that is there as it is', async () => {
    const known: SetPause = { batchId: null, code: 'paused', by: 'alice', reason: null, at: 1 };
    const { guard, asked } = guardOf(async () => wallets({}), [known]);
    expect(await guard.pause('b')).toEqual(known);
    expect(asked()).toBe(0);
  });
});
