/** Files that wait for a second person, and limits that the ledger holds: what a person at a terminal meets. */
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { csvOf, row } from '../support/builders.ts';
import { done } from './scripted-world.ts';
import { countsOf, inWorld, sha256Of, until, type World } from './world.ts';

const tenEach = (count: number, prefix = 'p', cells = {}): string =>
  csvOf(Array.from({ length: count }, (_, index) => row(`${prefix}-${index + 1}`, { amount: '10.00', ...cells })));

const paid = async (world: World): Promise<string[]> => {
  const text = await (await fetch(new URL('/_sandbox/payments', world.sandbox.url))).text();
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line) => (JSON.parse(line) as { record_id: string }).record_id).toSorted();
};

const required = { APPROVAL: 'required' };
const asBob = ['--by', 'bob', '--reason', 'checked'];

describe('a file under APPROVAL=required', () => {
  it('waits with every row admitted and none sent; its submitter cannot approve it, another person can, and it is paid once', async () => {
    await inWorld({}, async (world) => {
      const path = world.write('may.csv', tenEach(3));
      const ran = await world.run(path, ['--by', 'alice'], required);
      expect(ran.code, ran.stderr).toBe(2);
      expect(ran.summary).toMatchObject({
        state: 'awaiting_approval',
        statuses: { queued: { count: 3 } },
        approval: { state: 'awaiting', submitted_by: 'alice', totals: { EUR: { count: 3, amount: '30.00' } } },
      });
      const asked = `disburse approve ${ran.summary.batch_id.slice(0, 12)} --expect EUR=30.00/3`;
      expect(ran.stderr.replaceAll(/\s+/g, ' ')).toContain(asked);
      expect(world.events()).toMatchObject(Array(3).fill({ status: 'queued', error: { code: 'awaiting_approval' } }));
      const records = await world.command(['records', '--json']);
      expect(JSON.parse(records.stdout.split('\n')[0] ?? '')).toMatchObject({ next: { action: 'approval' } });

      const expectation = ['--expect', 'EUR=30.00/3'];
      const own = await world.command(['approve', 'may.csv', ...expectation, '--by', 'Alice', '--reason', 'mine']);
      expect(own).toMatchObject({ code: 2 });
      const wrong = await world.command(['approve', 'may.csv', '--expect', 'EUR=30.01/3', ...asBob]);
      expect(wrong).toMatchObject({ code: 2 });
      expect(wrong.stderr.replaceAll(/\s+/g, ' ')).toContain('EUR: expected 30.01 in 3 rows');
      expect(await paid(world)).toEqual([]);

      expect(await done(world, ['approve', 'may.csv', ...expectation, ...asBob])).toMatchObject({ outcome: 'done', records: 3 });
      const again = await world.run(path, ['--by', 'alice']);
      expect(again, again.stderr).toMatchObject({
        code: 0,
        summary: { state: 'finished', approval: { state: 'approved', decided_by: 'bob' } },
      });
      expect(await paid(world)).toEqual(['p-1', 'p-2', 'p-3']);
      const trail = JSON.parse((await world.command(['explain', 'p-1', '--json'])).stdout) as { trail: { event: string; by?: string }[] };
      expect(trail.trail).toContainEqual(expect.objectContaining({ event: 'approved', by: 'bob' }));
    });
  });

  it('that changed is another batch and waits again; what was approved before stays approved', async () => {
    await inWorld({}, async (world) => {
      const path = world.write('may.csv', tenEach(2));
      await world.run(path, ['--by', 'alice'], required);
      await done(world, ['approve', 'may.csv', '--expect', 'EUR=20.00/2', ...asBob]);
      const changed = tenEach(2, 'q');
      world.write('may.csv', changed);
      const ran = await world.run(path, ['--by', 'alice']);
      expect(ran).toMatchObject({ code: 2, summary: { batch_id: sha256Of(changed), state: 'awaiting_approval' } });
      expect((await paid(world)).filter((id) => id.startsWith('q'))).toEqual([]);
    });
  });

  it('that is refused ends cancelled, cannot be approved any more, and its record ids are free', async () => {
    await inWorld({}, async (world) => {
      const path = world.write('may.csv', tenEach(2));
      await world.run(path, ['--by', 'alice'], required);
      expect(await done(world, ['refuse', 'may.csv', ...asBob])).toMatchObject({ outcome: 'done', cancelled: 2, refused_by: 'bob' });
      expect(await world.command(['approve', 'may.csv', '--expect', 'EUR=20.00/2', '--by', 'carol', '--reason', 'late'])).toMatchObject({
        code: 2,
      });
      const again = await world.run(path, ['--by', 'alice']);
      expect([again.summary.state, countsOf(again.summary)]).toEqual(['cancelled', { cancelled: 2 }]);
      const other = await world.run(world.write('june.csv', `${tenEach(2)}\n`), ['--by', 'alice']);
      expect(other.summary).toMatchObject({ state: 'awaiting_approval', statuses: { queued: { count: 2 } } });
      expect(await paid(world)).toEqual([]);
    });
  });

  it('in the drop folder is kept in processing/ and sent by serve when it is approved', async () => {
    await inWorld({}, async (world) => {
      const inbox = join(world.folder, 'inbox');
      mkdirSync(inbox);
      const serving = world.begin(['serve'], { ...required, INBOX_DIR: inbox, INBOX_REST: '200ms', HTTP_PORT: '0' });
      try {
        const draft = world.write('may.part', tenEach(3));
        renameSync(draft, join(inbox, 'may.csv'));
        await until('its rows to wait', () => world.events().filter(({ error }) => error?.code === 'awaiting_approval').length === 3);
        expect(existsSync(join(inbox, 'processing', 'may.csv'))).toBe(true);
        await done(world, ['approve', sha256Of(tenEach(3)), '--expect', 'EUR=30.00/3', '--by', 'a second person', '--reason', 'checked']);
        await until('the results', () => existsSync(join(inbox, 'done', 'may.csv.results.csv')));
        expect(readFileSync(join(inbox, 'done', 'may.csv.results.csv'), 'utf8').match(/succeeded/g)).toHaveLength(3);
        expect(await paid(world)).toEqual(['p-1', 'p-2', 'p-3']);
      } finally {
        serving.kill('SIGTERM');
        await serving.ended;
      }
    });
  });
});

describe('limits', () => {
  it('a file above MAX_BATCH_TOTAL is refused whole, also by a process without the setting once the ledger holds it', async () => {
    await inWorld({}, async (world) => {
      const path = world.write('may.csv', tenEach(3));
      const refused = await world.command(['run', path, '--json'], { MAX_BATCH_TOTAL: 'EUR=29.99' });
      expect(refused.code).toBe(1);
      expect(JSON.parse(refused.stdout)).toMatchObject({ structural: true, errors: [{ code: 'batch_total_exceeded' }] });
      const small = await world.run(world.write('june.csv', tenEach(1, 'q')), [], { MAX_BATCH_TOTAL: 'EUR=29.99' });
      expect(small.code, small.stderr).toBe(0);
      const loose = await world.command(['run', path, '--json'], { MAX_BATCH_TOTAL: 'EUR=1000.00' });
      expect(loose).toMatchObject({ code: 1 });
      expect(loose.stderr.replaceAll(/\s+/g, ' ')).toContain('batch_total_exceeded');
      expect(loose.stderr).toContain('is looser than what the ledger holds');
      expect(await paid(world)).toEqual(['q-1']);
      expect(await done(world, ['gates', 'loosen', '--batch-total', 'none', '--reason', 'agreed'])).toMatchObject({ outcome: 'done' });
      expect((await world.run(path)).code).toBe(0);
    });
  });

  it('what exceeds MAX_DAY_TOTAL waits with that reason until the limit is raised; nothing of it is sent before', async () => {
    await inWorld({}, async (world) => {
      const path = world.write('may.csv', tenEach(3));
      const ran = await world.run(path, ['--wait', '20s'], { MAX_DAY_TOTAL: 'EUR=25.00' });
      expect(ran.code, ran.stderr).toBe(2);
      expect(ran.summary).toMatchObject({ statuses: { succeeded: { count: 2 }, queued: { count: 1 } }, balanced: true });
      expect(world.events().filter(({ error }) => error?.code === 'day_total_reached')).toHaveLength(1);
      expect((await world.run(path, ['--wait', '20s'])).summary).toMatchObject({ statuses: { queued: { count: 1 } } });
      expect(await paid(world)).toHaveLength(2);
      await done(world, ['gates', 'loosen', '--day-total', 'EUR=30.00', '--by', 'alice', '--reason', 'agreed']);
      const lines = (await world.command(['gates'])).stdout.trimEnd().split('\n');
      expect(lines).toContain('MAX_DAY_TOTAL    EUR=30.00');
      expect(lines.at(-1)).toMatch(/^Changed at \S+ by alice: agreed$/);
      expect(JSON.parse((await world.command(['gates', '--json'])).stdout)).toMatchObject({
        max_day_total: 'EUR=30.00',
        log: [{ reason: 'settings of the first process' }, { by: 'alice', reason: 'agreed' }],
      });
      expect((await world.run(path)).summary).toMatchObject({ state: 'finished', statuses: { succeeded: { count: 3 } } });
    });
  });
});

it('with CONSOLE_ROLES set, --by names no other person than the user of the operating system', async () => {
  await inWorld({}, async (world) => {
    const roles = { ...required, CONSOLE_ROLES: 'alice=operator,bob=approver' };
    const path = world.write('may.csv', tenEach(1));
    const other = await world.command(['run', path, '--by', 'alice'], roles);
    expect(other).toMatchObject({ code: 1 });
    expect(other.stderr).toContain('CONSOLE_ROLES');
    expect((await world.run(path, [], roles)).summary.state).toBe('awaiting_approval');
    expect(await world.command(['approve', 'may.csv', '--expect', 'EUR=10.00/1', ...asBob], roles)).toMatchObject({ code: 1 });
    expect(await world.command(['approve', 'may.csv', '--expect', 'EUR=10.00/1', '--reason', 'x'], roles)).toMatchObject({ code: 2 });
    expect(await paid(world)).toEqual([]);
  });
});
