/** The audit trail of a record, as `explain` shows and verifies it beside a stand-alone ledger. */
import { DatabaseSync } from 'node:sqlite';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Explanation } from '../../src/terminal/explanation-text.ts';
import { csvOf, row } from '../support/builders.ts';
import { inWorld, type World } from './world.ts';

const explained = async (world: World, ...args: string[]) => {
  const ended = await world.command(['explain', 'inv-1', '--json', ...args]);
  return { ...ended, explanation: JSON.parse(ended.stdout) as Explanation };
};

const inDatabase = (world: World, change: (db: DatabaseSync) => void): void => {
  const db = new DatabaseSync(join(world.dataDir, 'ledger.sqlite'));
  try {
    change(db);
  } finally {
    db.close();
  }
};

const paid = (work: (world: World) => Promise<void>): Promise<void> =>
  inWorld({}, async (world) => {
    expect((await world.run(world.write('may.csv', csvOf([row('inv-1'), row('inv-2')])))).code).toBe(0);
    await work(world);
  });

describe('explain', () => {
  it('shows the record, its trail and the head that its newest result published', async () => {
    await paid(async (world) => {
      const { code, stderr, explanation } = await explained(world, '--verify');
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(explanation).toMatchObject({ record: { record_id: 'inv-1', status: 'succeeded' }, verified: true, verified_from: 1 });
      expect(explanation.trail.map(({ number }) => number)).toEqual(explanation.trail.map((_, index) => index + 1));
      expect(explanation.trail.map(({ event }) => event).slice(0, 3)).toEqual(['admitted', 'intent', 'answer']);
      for (const { at, hash } of explanation.trail) {
        expect(at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
        expect(hash).toMatch(/^[0-9a-f]{32}$/);
      }
      expect(explanation.head).toBe(explanation.trail.at(-1)?.hash);
      const last = world.events().findLast(({ record_id: id }) => id === 'inv-1');
      expect({ number: last?.audit_number, head: last?.audit_head }).toEqual({
        number: explanation.trail.length,
        head: explanation.head,
      });
      expect((await explained(world)).explanation).not.toHaveProperty('verified');
      const list = (await world.command(['records', '--status', 'succeeded', '--json'])).stdout.split('\n');
      const listed = list.find((line) => line.includes('"record_id":"inv-1"'));
      expect({ ...explanation.record, age_seconds: 0 }).toEqual({ ...(JSON.parse(listed ?? '') as object), age_seconds: 0 });
    });
  });

  it('shows people the record, the trail with times, the next step and the commands', async () => {
    await inWorld({ faults: 'lost-answer=1' }, async (world) => {
      await world.run(world.write('may.csv', csvOf([row('inv-1', { amount: '12.30' })])), ['--no-wait'], { GATEWAY_KEY_LIFETIME: '1h' });
      const { code, stdout } = await world.command(['explain', 'inv-1', '--verify']);
      expect(code).toBe(0);
      expect(stdout).toMatch(/^inv-1: unknown, EUR 12\.30 to /);
      expect(stdout).toMatch(/\n {2}1 {2}\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} {2}admitted/);
      expect(stdout).toMatch(/\nNext: (resend|status check)/);
      expect(stdout).toContain('\n  disburse resolve inv-1 --as STATUS --evidence TEXT --reason TEXT\n');
      expect(stdout).toMatch(/as it was written, from its first entry\. It has every head that \d results? published/);
    });
  });

  it('says in one sentence that a record is unknown, with exit code 2', async () => {
    await paid(async (world) => {
      const ended = await world.command(['explain', 'inv-9']);
      expect(ended).toMatchObject({ code: 2, stdout: '' });
      expect(ended.stderr).toMatch(/no record inv-9 in this ledger\./);
    });
  });

  type Tampering = readonly [what: string, change: (db: DatabaseSync) => void, entry: number, says: string];
  const ofRecord = "record = (SELECT id FROM record WHERE record_id = 'inv-1')";
  const tamperings: readonly Tampering[] = [
    [
      'one entry was changed',
      (db) => db.exec(`UPDATE audit SET entry = entry || ' ' WHERE number = 2 AND ${ofRecord}`),
      2,
      'is not as it was written',
    ],
    ['one entry was removed', (db) => db.exec(`DELETE FROM audit WHERE number = 2 AND ${ofRecord}`), 2, 'is missing'],
    [
      'the end was cut',
      (db) => db.exec(`DELETE FROM audit WHERE number > 2 AND ${ofRecord}`),
      3,
      'is missing: the end of the trail was cut',
    ],
    [
      'all entries and the head were removed',
      (db) =>
        db.exec(`DELETE FROM audit WHERE ${ofRecord}; UPDATE record SET audit_number = NULL, audit_chain = NULL WHERE record_id = 'inv-1'`),
      3,
      'is missing: the ledger has no entry of this record',
    ],
  ];

  it.each(tamperings)('finds that %s, names the entry, and ends with exit code 2', async (_, change, entry, says) => {
    await paid(async (world) => {
      inDatabase(world, change);
      const { code, stderr, explanation } = await explained(world, '--verify');
      expect(code).toBe(2);
      expect(stderr.replaceAll(/\s+/g, ' ')).toContain(`entry ${entry} ${says}`);
      expect(explanation).toMatchObject({ verified: false, broken: { number: entry } });
      inDatabase(world, (db) => expect(db.prepare('SELECT count(*) AS n FROM record').get()).toEqual({ n: 2 }));
      const other = await world.command(['explain', 'inv-2', '--verify']);
      expect(other.code).toBe(0);
    });
  });

  it('finds a trail that was taken back with its head to an older state while a result had published more', async () => {
    await inWorld({ faults: 'lost-request=1' }, async (world) => {
      const path = world.write('may.csv', csvOf([row('inv-1')]));
      const env = { GATEWAY_KEY_LIFETIME: '1h' };
      await world.run(path, ['--no-wait'], env);
      let older: Record<string, unknown> = {};
      inDatabase(world, (db) => {
        older = { ...db.prepare('SELECT audit_number, audit_chain FROM record').get() };
      });
      await world.replaceSandbox({});
      expect((await world.run(path, [], env)).code).toBe(0);
      inDatabase(world, (db) => {
        const { audit_number: number, audit_chain: chain } = older as { audit_number: number; audit_chain: Uint8Array };
        db.prepare('DELETE FROM audit WHERE number > ?').run(number);
        db.prepare('UPDATE record SET audit_number = ?, audit_chain = ?').run(number, chain);
      });
      const { code, stderr, explanation } = await explained(world, '--verify');
      expect(code).toBe(2);
      expect(stderr).toContain('a result event published it');
      expect(explanation.verified).toBe(false);
      // Without the results, what is left is a whole trail.
      rmSync(join(world.dataDir, 'results.jsonl'));
      const alone = await world.command(['explain', 'inv-1', '--verify']);
      expect(alone.code).toBe(0);
      expect(alone.stdout).toContain('No result of it was published yet');
    });
  });

  it('needs the key of this ledger to verify, makes none, and needs none to show', async () => {
    await paid(async (world) => {
      const key = join(world.dataDir, 'ledger.key');
      const other = world.write('other.key', `${Buffer.alloc(32, 9).toString('base64')}\n`);
      const wrong = await world.command(['explain', 'inv-1', '--verify'], { LEDGER_KEY_FILE: other });
      expect(wrong).toMatchObject({ code: 1, stdout: '' });
      expect(wrong.stderr.replaceAll(/\s+/g, ' ')).toContain('the key is not the one of the ledger in');
      rmSync(key);
      expect((await world.command(['explain', 'inv-1', '--verify'])).code).toBe(1);
      expect(existsSync(key)).toBe(false);
      expect((await world.command(['explain', 'inv-1'])).code).toBe(0);
    });
  });

  it('says that a record of an older version has no trail', async () => {
    await paid(async (world) => {
      inDatabase(world, (db) => db.exec('DELETE FROM audit; UPDATE record SET audit_number = NULL, audit_chain = NULL'));
      rmSync(join(world.dataDir, 'results.jsonl'));
      const { code, stdout, stderr } = await world.command(['explain', 'inv-1', '--verify']);
      expect(code).toBe(0);
      expect(stdout).toContain('No audit trail: an older version of disburse wrote this record.');
      expect(stderr).toContain('has no audit trail to verify');
    });
  });
});
