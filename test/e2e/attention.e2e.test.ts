/** Exit code 2 always has a reason that a person can read: the rows that need attention are named. */
import { describe, expect, it } from 'vitest';
import { csvOf, payouts, row } from '../support/builders.ts';
import { startScriptedGateway } from '../support/scripted-gateway.ts';
import { inWorld } from './world.ts';

describe('run', () => {
  it('names the first 10 failed records with line, id, amount and code, and what lists the others', async () => {
    await inWorld({ faults: 'refuse=1' }, async (world) => {
      const ran = await world.run(world.write('may.csv', csvOf(payouts(12))));
      expect(ran.code).toBe(2);
      const lines = ran.stderr.split('\n');
      const from = lines.findIndex((line) => line.startsWith('12 records failed'));
      const named = lines.slice(from + 1, from + 11);
      expect(named[0]).toMatch(/^ {2}line 2, p-1, EUR 1\.07: .+ \[[a-z_]+\]$/);
      expect(named[9]).toMatch(/^ {2}line 11, p-10, EUR 10\.07: /);
      expect(lines[from + 11]).toBe(
        `  … and 2 more; list all: disburse records --batch ${ran.summary.batch_id.slice(0, 12)} --status failed`,
      );
    });
  });

  it('names conflicts with the fields that differ, and duplicates of records that have not succeeded', async () => {
    await inWorld({ faults: 'refuse=1' }, async (world) => {
      await world.run(world.write('may.csv', csvOf(payouts(2))));
      const ran = await world.run(world.write('june.csv', csvOf([row('p-1', { amount: '1200.00' }), row('p-2', { amount: '2.07' })])));
      expect(ran.code).toBe(2);
      expect(ran.stderr).toContain(
        '1 row is in conflict: the record id was used before with other content. Nothing was sent for it.\n' +
          '  line 2, p-1, EUR 1,200.00: differs in amount_details.amount from may.csv:2 (then failed) [record_id_conflict]\n',
      );
      expect(ran.stderr).toContain(
        '1 row repeats a record that has not succeeded. Look at that record.\n' +
          '  line 3, p-2, EUR 2.07: first at may.csv:3 (now failed) [failed]\n',
      );
      // Nothing was lost of this when the batch is known already.
      expect((await world.run(`${world.folder}/june.csv`)).stderr).toContain('differs in amount_details.amount');
    });
  });

  it('names cancelled records with the reason', async () => {
    await inWorld({ faults: 'wrong-amount=1', confirm: 'manual' }, async (world) => {
      const ran = await world.run(world.write('may.csv', csvOf(payouts(1))));
      expect(ran.code).toBe(2);
      expect(ran.stderr).toMatch(
        /^1 record is cancelled at the gateway and not paid\..*\n {2}line 2, p-1, EUR 1\.07: .+ \[evidence_mismatch\]$/m,
      );
    });
  });

  it('names other files that have queued or open records, with the two ways out of what is queued', async () => {
    let answersAll = false;
    const gateway = await startScriptedGateway(({ method, body }) => {
      if (method === 'wallet/balance') return { body: { status: 'ok', wallets: [] } };
      const recordId = body.metadata?.record_id ?? '';
      if (!answersAll && recordId !== 'p-1') return { status: 429, body: {} };
      const id = body.session_id ?? `ps_${recordId}`;
      const { amount_details, metadata } = body;
      const status = id === 'ps_p-1' ? 'in_progress' : 'succeeded';
      return { body: { status: 'ok', session: { id, status: 'accepted', payments: [{ id: 'po', status, amount_details, metadata }] } } };
    });
    try {
      await inWorld({}, async (world) => {
        world.env['GATEWAY_URL'] = gateway.url;
        // One after the other: the pause that the gateway asks for begins behind the first.
        const may = await world.run(world.write('may.csv', csvOf(payouts(3))), ['--wait', '1s'], { DISPATCH_CONCURRENCY: '1' });
        expect(may.code).toBe(3);
        expect(may.stderr).not.toContain('Other files');
        answersAll = true;
        const june = await world.run(world.write('june.csv', csvOf([row('q-1')])));
        expect(june.code).toBe(0);
        expect(june.stderr).toContain(
          `Other files have records that are not final:\n  may.csv, batch ${may.summary.batch_id.slice(0, 12)}: 2 queued, 1 in_progress\n` +
            'Queued records are sent only when their own file is run again, unchanged. If that file is not to be paid any more, ' +
            'submit what is still owed under new record ids and never run it again.\n',
        );
      });
    } finally {
      await gateway.close();
    }
  });
});
