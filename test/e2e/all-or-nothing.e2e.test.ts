/** All or nothing: not a byte leaves before every row is admitted, and one bad row or conflict refuses all. */
import { describe, expect, it } from 'vitest';
import { csvOf, payouts, row } from '../support/builders.ts';
import { countsOf, inWorld, until, type World } from './world.ts';

const policy = ['--policy', 'all-or-nothing'];

const refusedCodes = (world: World, batchId: string): (string | undefined)[] =>
  world
    .events()
    .filter((event) => event.batch_id === batchId && event.status === 'rejected')
    .map((event) => event.error?.code);

/** Calls that concern a session; the look at the balance sends nothing. */
const sendsOf = ({ sandbox }: World) => sandbox.calls().filter(({ method }) => method.startsWith('session/'));

describe('all or nothing', () => {
  it('pays a file whose rows are all valid', async () => {
    await inWorld({}, async (world) => {
      const ran = await world.run(world.write('may.csv', csvOf(payouts(4))), policy);
      expect(ran.code).toBe(0);
      expect(countsOf(ran.summary)).toEqual({ succeeded: 4 });
    });
  });

  it('sends nothing when one row is invalid, and every row ends rejected', async () => {
    await inWorld({}, async (world) => {
      const path = world.write('may.csv', csvOf([...payouts(3), row('bad', { iban: 'BE68539007547035' })]));
      const ran = await world.run(path, policy);
      expect(ran.code).toBe(2);
      expect(countsOf(ran.summary)).toEqual({ rejected: 4 });
      expect(ran.summary.balanced).toBe(true);
      const codes = refusedCodes(world, ran.summary.batch_id);
      expect(codes.toSorted()).toEqual(['batch_refused', 'batch_refused', 'batch_refused', 'iban_check_digits']);
      expect(sendsOf(world)).toEqual([]);

      const again = await world.run(path);
      expect(again.code).toBe(2);
      expect(countsOf(again.summary)).toEqual({ rejected: 4 });
      expect(sendsOf(world)).toEqual([]);

      // It takes no record id: the corrected file is paid.
      const corrected = await world.run(world.write('corrected.csv', csvOf(payouts(3))), policy);
      expect(corrected.code).toBe(0);
      expect(countsOf(corrected.summary)).toEqual({ succeeded: 3 });
    });
  });

  it('sends nothing when one row conflicts with an earlier payment', async () => {
    await inWorld({}, async (world) => {
      await world.run(world.write('may.csv', csvOf([row('p-2', { amount: '500.00' })])));
      const calls = sendsOf(world).length;
      const ran = await world.run(world.write('june.csv', csvOf(payouts(3))), policy);
      expect(ran.code).toBe(2);
      expect(countsOf(ran.summary)).toEqual({ rejected: 2, conflict: 1 });
      expect(refusedCodes(world, ran.summary.batch_id)).toEqual(['batch_refused', 'batch_refused']);
      expect(ran.summary.balanced).toBe(true);
      expect(sendsOf(world)).toHaveLength(calls);
      expect(world.sandbox.payments()).toHaveLength(1);
    });
  });

  it('continues after a kill while rows are admitted, and after another while they are sent', async () => {
    await inWorld({}, async (world) => {
      const path = world.write('may.csv', csvOf(payouts(400)));
      const slowly = { DISPATCH_RATE: '200' };
      const first = world.begin(['run', path, ...policy, '--json'], slowly);
      await until('the ledger', async () => (await world.command(['status', '--json'])).stdout.includes('batch_id'));
      first.kill('SIGKILL');
      await first.ended;
      const second = world.begin(['run', path, '--json'], slowly);
      await until('some payments', () => world.sandbox.payments().length > 20);
      second.kill('SIGKILL');
      await second.ended;
      const last = await world.run(path, policy);
      expect(last.summary.balanced).toBe(true);
      const { succeeded = 0, unknown = 0 } = countsOf(last.summary);
      expect(succeeded + unknown).toBe(400);
      expect(last.code).toBe(unknown > 0 ? 2 : 0);
      const witnessed = world.sandbox.payments().map((one) => one.record_id);
      expect(new Set(witnessed).size).toBe(400);
      expect(witnessed).toHaveLength(400);
    });
  });
});
