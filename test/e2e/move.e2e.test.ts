/** A stand-alone ledger moves into another data folder: nothing is paid twice, and nothing is paid from where it was. */
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { csvOf, payouts } from '../support/builders.ts';
import { startScriptedGateway, type ScriptedAnswer, type ScriptedCall } from '../support/scripted-gateway.ts';
import { countsOf, inWorld, linesOf, type World } from './world.ts';

const shows = ({ body }: ScriptedCall, status: string, entry: string): ScriptedAnswer => {
  const { amount_details, metadata } = body;
  const id = body.session_id ?? `ps_${metadata?.record_id}_${metadata?.attempt}`;
  return { body: { status: 'ok', session: { id, status, payments: [{ id: `po_${id}`, status: entry, amount_details, metadata }] } } };
};

/** p-1 is paid, p-2 refused, the answer to p-3 is lost; what comes later is paid. */
const answers = (call: ScriptedCall): ScriptedAnswer => {
  switch (call.body.metadata?.record_id) {
    case 'p-2':
      return { status: 400, body: { status: 'error', error: { code: 'account_not_found', description: 'no such account' } } };
    case 'p-3':
      return 'lost';
    default:
      return shows(call, 'accepted', 'succeeded');
  }
};

interface Moved {
  readonly world: World;
  readonly file: string;
  /** The environment of the data folder that the ledger moves to. */
  readonly there: Record<string, string>;
  readonly paid: (recordId: string) => number;
}

/** A ledger with a paid, a failed, an open and a parked record, and the folder that it is to move to. */
const inMovingWorld = async (work: (moved: Moved) => Promise<void>): Promise<void> => {
  const gateway = await startScriptedGateway(answers);
  try {
    await inWorld({}, async (world) => {
      world.env['GATEWAY_URL'] = gateway.url;
      world.env['GATEWAY_KEY_LIFETIME'] = '';
      const ran = await world.run(world.write('may.csv', csvOf(payouts(3))), ['--wait', '1s']);
      expect(countsOf(ran.summary)).toEqual({ succeeded: 1, failed: 1, unknown: 1 });
      expect((await world.command(['pause', '--all', '--by', 'alice', '--reason', 'we move'])).code).toBe(0);
      const parked = await world.run(world.write('june.csv', csvOf(payouts(1, 'q'))), ['--wait', '1s']);
      expect(countsOf(parked.summary)).toEqual({ queued: 1 });
      const dir = join(world.folder, 'new-home');
      mkdirSync(dir);
      copyFileSync(join(world.dataDir, 'ledger.key'), join(dir, 'ledger.key'));
      await work({
        world,
        file: join(world.folder, 'moved.ledger'),
        there: { DATA_DIR: dir },
        paid: (recordId) => gateway.inits().filter((id) => id === recordId).length,
      });
    });
  } finally {
    await gateway.close();
  }
};

const done = async (world: World, args: readonly string[], env: Record<string, string> = {}): Promise<Record<string, unknown>> => {
  const ended = await world.command([...args, '--json'], env);
  expect(ended, ended.stderr).toMatchObject({ code: 0 });
  return JSON.parse(ended.stdout) as Record<string, unknown>;
};

describe('a stand-alone ledger that moves', () => {
  it('is paid from where it is imported, once everything is resumed: nothing twice, and the history goes on', async () => {
    await inMovingWorld(async ({ world, file, there, paid }) => {
      const exported = await done(world, ['ledger', 'export', file]);
      expect(exported).toMatchObject({ records: 4, batches: 2 });
      const imported = await done(world, ['ledger', 'import', file], there);
      expect(imported).toMatchObject({ records: 4, export_id: exported['export_id'], statuses: exported['statuses'] });

      const waiting = await world.run(join(world.folder, 'may.csv'), ['--wait', '1s'], there);
      expect(waiting.code).toBe(2);
      const held = await world.run(join(world.folder, 'june.csv'), ['--wait', '1s'], there);
      expect(held).toMatchObject({ code: 3 });
      expect(paid('q-1')).toBe(0);
      expect((await world.command(['resume', '--all', '--by', 'bob', '--reason', 'compared'], there)).code).toBe(0);
      const resumed = await world.run(join(world.folder, 'june.csv'), [], there);
      expect(countsOf(resumed.summary)).toEqual({ succeeded: 1 });
      expect(['p-1', 'p-2', 'p-3', 'q-1'].map(paid)).toEqual([1, 1, 1, 1]);
      expect(await world.command(['ledger', 'verify'], there)).toMatchObject({ code: 0 });
      const results = linesOf(join(there['DATA_DIR'] ?? '', 'results.jsonl')).map((line) => JSON.parse(line) as Record<string, unknown>);
      expect(results.slice(0, 4).map(({ record_id: id, status }) => [id, status])).toEqual([
        ['p-1', 'succeeded'],
        ['p-2', 'failed'],
        ['p-3', 'unknown'],
        ['q-1', 'queued'],
      ]);
      const before = world.events().find(({ record_id: id, status }) => id === 'p-1' && status === 'succeeded');
      expect(results[0]).toMatchObject({ event_id: before?.event_id });
    });
  });

  it('is never paid from where it was: run and every command that changes it end with exit code 1, readers say so', async () => {
    await inMovingWorld(async ({ world, file, paid }) => {
      await done(world, ['ledger', 'export', file]);
      for (const args of [
        ['run', join(world.folder, 'june.csv'), '--json'],
        ['resume', '--all', '--reason', 'r'],
        ['resolve', 'p-3', '--as', 'failed', '--evidence', 'e', '--reason', 'r'],
        ['serve'],
      ])
        expect(await world.command(args), args.join(' ')).toMatchObject({
          code: 1,
          stderr: expect.stringMatching(/was moved by an export to .*moved\.ledger at .* is never paid from again/) as string,
        });
      const shown = await world.command(['status', 'june.csv']);
      expect(shown).toMatchObject({ code: 0, stderr: expect.stringContaining('warning: the ledger in') as string });
      expect((await world.command(['records', '--json'])).stdout).toContain('p-3');
      expect(paid('q-1')).toBe(0);
    });
  });

  it('is exported again under the same id while its file is lost', async () => {
    await inMovingWorld(async ({ world, file, there }) => {
      const first = await done(world, ['ledger', 'export', file]);
      expect(await world.command(['ledger', 'export', file])).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('exists') as string,
      });
      const again = await done(world, ['ledger', 'export', `${file}.2`]);
      expect(again).toMatchObject({ export_id: first['export_id'], records: 4 });
      await done(world, ['ledger', 'import', `${file}.2`], there);
    });
  });

  it('is refused as a second import of its file, and into a ledger that is not empty', async () => {
    await inMovingWorld(async ({ world, file, there }) => {
      await done(world, ['ledger', 'export', file]);
      const copy = `${file}.copy`;
      copyFileSync(file, copy);
      await done(world, ['ledger', 'import', file], there);
      const second = join(world.folder, 'second');
      mkdirSync(second);
      copyFileSync(join(world.dataDir, 'ledger.key'), join(second, 'ledger.key'));
      const imported = await world.command(['ledger', 'import', file], { DATA_DIR: second });
      expect(imported).toMatchObject({ code: 1, stderr: expect.stringContaining('was imported already, into the ledger in') as string });
      expect(existsSync(join(second, 'ledger.sqlite'))).toBe(false);
      for (const env of [there, { DATA_DIR: world.dataDir }])
        expect(await world.command(['ledger', 'import', copy], env)).toMatchObject({
          code: 1,
          stderr: expect.stringContaining('is not empty') as string,
        });
    });
  });

  it('is refused when a byte of its file differs, when its end is missing, and under another ledger key', async () => {
    await inMovingWorld(async ({ world, file, there }) => {
      await done(world, ['ledger', 'export', file]);
      const bytes = readFileSync(file);
      expect(bytes.includes('p-1')).toBe(false);
      const changed = Buffer.from(bytes);
      const middle = bytes.length >> 1;
      changed[middle] = (changed[middle] ?? 0) ^ 1;
      for (const bad of [changed, bytes.subarray(0, bytes.length - 40), Buffer.concat([bytes, bytes])]) {
        writeFileSync(file, bad);
        const refused = await world.command(['ledger', 'import', file], there);
        expect(refused).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('is not a whole export') as string });
      }
      writeFileSync(file, bytes);
      writeFileSync(join(world.folder, 'other.key'), `${Buffer.alloc(32, 9).toString('base64')}\n`);
      const foreign = await world.command(['ledger', 'import', file], { ...there, LEDGER_KEY_FILE: join(world.folder, 'other.key') });
      expect(foreign).toMatchObject({ code: 1, stderr: expect.stringContaining('another ledger key') as string });
      expect(existsSync(join(there['DATA_DIR'] ?? '', 'ledger.sqlite'))).toBe(false);
      await done(world, ['ledger', 'import', file], there);
    });
  });

  it('is refused for another gateway account, for a file that is no export, and for a missing file', async () => {
    await inMovingWorld(async ({ world, file, there }) => {
      await done(world, ['ledger', 'export', file]);
      const other = await world.command(['ledger', 'import', file], { ...there, GATEWAY_PROJECT: 'another-shop' });
      expect(other).toMatchObject({ code: 1, stderr: expect.stringContaining('belongs to gateway') as string });
      const none = await world.command(['ledger', 'import', join(world.folder, 'may.csv')], there);
      expect(none).toMatchObject({ code: 1, stderr: expect.stringContaining('is no export of a ledger') as string });
      const missing = await world.command(['ledger', 'import', join(world.folder, 'nothing')], there);
      expect(missing).toMatchObject({ code: 1, stderr: expect.stringContaining('cannot be read') as string });
      expect((await world.command(['ledger', 'import'], there)).code).toBe(1);
    });
  });
});
