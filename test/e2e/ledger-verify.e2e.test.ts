/** `ledger verify` over a whole stand-alone ledger. */
import { DatabaseSync } from 'node:sqlite';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { csvOf, payouts, row } from '../support/builders.ts';
import { inWorld, type World } from './world.ts';

const spoil = (world: World, sql: string): void => {
  const db = new DatabaseSync(join(world.dataDir, 'ledger.sqlite'));
  db.exec(sql);
  db.close();
};

const paid = (work: (world: World) => Promise<void>): Promise<void> =>
  inWorld({}, async (world) => {
    await world.run(world.write('may.csv', csvOf([...payouts(3), row('bad', { amount: '0' })])));
    await world.run(world.write('june.csv', csvOf([...payouts(1), row('p-2', { amount: '9.99' })])));
    await work(world);
  });

const verified = async (world: World) => {
  const ended = await world.command(['ledger', 'verify', '--json']);
  return { code: ended.code, stderr: ended.stderr, found: JSON.parse(ended.stdout) as { differences: string[] } & Record<string, unknown> };
};

describe('ledger verify', () => {
  it('finds no difference in an untouched ledger with rejected, repeated and conflicting rows, also while a process holds it', async () => {
    await paid(async (world) => {
      const { code, stderr, found } = await verified(world);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(found).toMatchObject({ verified: true, batches: 2, differences_total: 0, differences: [], without_trail: 0 });
      expect(found['records']).toBeGreaterThanOrEqual(3);
      expect(found['results']).toBeGreaterThanOrEqual(3);
      const serving = world.begin(['serve']);
      try {
        const text = await world.command(['ledger', 'verify']);
        expect(text.code).toBe(0);
        expect(text.stdout).toMatch(/2 batches counted again, .* Everything is as it was written\.\n$/);
      } finally {
        serving.kill('SIGTERM');
        await serving.ended;
      }
    });
  });

  const ofFirst = "(SELECT id FROM record WHERE record_id = 'p-1')";

  it.each([
    [
      'a changed entry',
      `UPDATE audit SET entry = entry || ' ' WHERE number = 1 AND record = ${ofFirst}`,
      /trail of p-1 was changed: entry 1 /,
    ],
    [
      'a trail that was taken back with its record',
      `DELETE FROM audit WHERE record = ${ofFirst}; UPDATE record SET audit_number = NULL, audit_chain = NULL WHERE record_id = 'p-1'`,
      /entry \d of the audit trail of p-1 is missing: a result event published it/,
    ],
    ['a wrong total', 'UPDATE tally SET count = count + 1 WHERE count = 3', /batch [0-9a-f]{64}: \w+( EUR)?: the total says 4/],
    [
      'a session that two records have',
      `UPDATE record SET session_id = (SELECT session_id FROM record WHERE record_id = 'p-2') WHERE record_id = 'p-1'`,
      /records p-1 and p-2 share session /,
    ],
    [
      'a body that is never erased',
      `INSERT INTO body (record, attempt, sealed) VALUES (${ofFirst}, 1, x'00')`,
      /sealed body of p-1 is still stored/,
    ],
  ])('finds %s, and ends with exit code 2', async (_, sql, says) => {
    await paid(async (world) => {
      spoil(world, sql);
      const { code, found } = await verified(world);
      expect(code).toBe(2);
      expect(found).toMatchObject({ verified: false });
      expect(found.differences.some((text) => says.test(text))).toBe(true);
      const people = await world.command(['ledger', 'verify']);
      expect(people.code).toBe(2);
      expect(people.stderr.replaceAll(/\s+/g, ' ')).toMatch(says);
    });
  });
});
