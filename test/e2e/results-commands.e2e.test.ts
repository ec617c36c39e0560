/** `results export`, `results replay` and `results rotate` in the stand-alone profile. */
import { appendFileSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { readSheet } from 'read-excel-file/node';
import { describe, expect, it } from 'vitest';
import { openIdle } from '../../src/profiles/standalone/idle-results.ts';
import { csvOf, payouts, row } from '../support/builders.ts';
import { freePort } from '../support/free-port.ts';
import { inWorld, linesOf, until, type World } from './world.ts';

const resultsFile = ({ dataDir }: World): string => join(dataDir, 'results.jsonl');
const rotatedIn = ({ dataDir }: World): string[] =>
  readdirSync(dataDir)
    .filter((name) => /^results-.*\.jsonl$/.test(name))
    .map((name) => join(dataDir, name));
const bytesOf = (world: World): string => readFileSync(resultsFile(world), 'utf8');
const pay = async (world: World, name: string, count = 3): Promise<string> => {
  const ran = await world.run(world.write(name, csvOf(payouts(count, name.replace('.csv', '')))));
  expect(ran).toMatchObject({ code: 0 });
  return ran.summary.batch_id;
};

describe('results export', () => {
  it('prints what run --results writes, to stdout and to a file, by id, six characters of it, and file name', async () => {
    await inWorld({ faults: 'refuse=0.3' }, async (world) => {
      const path = world.write('may.csv', csvOf([row('007', { amount: '12.30' }), row('007', { amount: '12.30' }), ...payouts(8)]));
      const written = join(world.folder, 'run.csv');
      const { summary } = await world.run(path, ['--results', written]);
      const expected = readFileSync(written, 'utf8');
      expect(expected.startsWith('\uFEFFline,record_id,')).toBe(true);
      for (const named of [summary.batch_id, summary.batch_id.slice(0, 6), 'may.csv']) {
        const ended = await world.command(['results', 'export', named]);
        expect(ended).toEqual({ code: 0, signal: null, stdout: expected, stderr: '' });
      }
      const out = join(world.folder, 'out.csv');
      const ended = await world.command(['results', 'export', 'may.csv', '--out', out]);
      expect(ended).toMatchObject({ code: 0, stdout: `10 rows written to ${out}\n`, stderr: '' });
      expect(readFileSync(out, 'utf8')).toBe(expected);
      expect(statSync(out).mode & 0o777).toBe(0o600);
    });
  });

  it('writes a workbook for a name that ends in .xlsx, with ids and accounts as text and amounts as numbers', async () => {
    await inWorld({}, async (world) => {
      const rows = [row('007', { amount: '12.30' }), row('0001234567890123456789', { amount: '0.07' })];
      await world.run(world.write('may.csv', csvOf(rows)));
      const out = join(world.folder, 'out.XLSX');
      expect(await world.command(['results', 'export', 'may.csv', '--out', out])).toMatchObject({ code: 0, stderr: '' });
      const [header = [], ...cells] = await readSheet(out);
      const csv = await world.command(['results', 'export', 'may.csv']);
      const asCsv: string[][] = parse(csv.stdout, { bom: true });
      expect(header).toEqual(asCsv[0]);
      const amount = header.indexOf('amount');
      expect(cells.map((line) => line.map((cell, at) => (at === amount ? Number(cell).toFixed(2) : (cell ?? ''))))).toEqual(asCsv.slice(1));
      expect(cells.map((line) => [line[1], line[amount]])).toEqual([
        ['007', 12.3],
        ['0001234567890123456789', 0.07],
      ]);
      expect(statSync(out).mode & 0o777).toBe(0o600);
    });
  });

  it('exports the state of a row, not its history, and a rejected row too', async () => {
    await inWorld({ faults: 'lost-request=1' }, async (world) => {
      const env = { GATEWAY_KEY_LIFETIME: '1h' };
      const path = world.write('may.csv', csvOf([row('inv-1'), row('inv-2', { amount: '-1' })]));
      await world.run(path, ['--wait', '1s'], env);
      const statusesIn = async (): Promise<string[]> => {
        const ended = await world.command(['results', 'export', 'may.csv']);
        expect(ended).toMatchObject({ code: 0, stderr: '' });
        return parse(ended.stdout, { bom: true, columns: true }).map((cells) => (cells as Record<string, string>)['status'] ?? '');
      };
      expect(await statusesIn()).toEqual(['unknown', 'rejected']);
      await world.replaceSandbox({});
      await world.run(path, [], env);
      expect(await statusesIn()).toEqual(['succeeded', 'rejected']);
    });
  });

  it('never writes over the input, a key, the ledger or its results', async () => {
    await inWorld({}, async (world) => {
      await pay(world, 'may.csv');
      const input = join(world.folder, 'may.csv');
      const paths = [input, world.env['GATEWAY_PRIVATE_KEY_FILE'] ?? '', resultsFile(world)];
      paths.push(...['ledger.sqlite', 'ledger.key'].map((name) => join(world.dataDir, name)));
      for (const out of paths) {
        const before = readFileSync(out);
        const ended = await world.command(['results', 'export', 'may.csv', '--out', out]);
        expect(ended).toMatchObject({ code: 1, stdout: '' });
        expect(ended.stderr).toContain('which would be lost');
        expect(readFileSync(out).equals(before)).toBe(true);
      }
      const missing = await world.command(['results', 'export', 'may.csv', '--out', join(world.folder, 'none', 'out.csv')]);
      expect(missing).toMatchObject({ code: 1 });
      expect(missing.stderr).toContain('no such folder');
    });
  });

  it('names what is wrong with a batch that is not there, not given, or not the only one', async () => {
    await inWorld({}, async (world) => {
      await pay(world, 'may.csv', 1);
      mkdirSync(join(world.folder, 'other'));
      await world.run(world.write('other/may.csv', csvOf(payouts(1, 'other'))));
      const none = await world.command(['results', 'export', 'june.csv']);
      expect(none).toMatchObject({ code: 1, stdout: '' });
      expect(none.stderr).toContain('no batch june.csv in this ledger');
      const several = await world.command(['results', 'export', 'may.csv']);
      expect(several).toMatchObject({ code: 2, stdout: '' });
      expect(several.stderr).toContain('2 batches match may.csv');
      expect(await world.command(['results', 'export'])).toMatchObject({ code: 1, stdout: '' });
      expect(await world.command(['results', 'export', 'may.csv', '--since', '-1h'])).toMatchObject({ code: 1, stdout: '' });
      expect(await world.command(['results', 'print'])).toMatchObject({ code: 1, stdout: '' });
    });
  });

  it('exits with 2 and says how many results are missing when a results file is', async () => {
    await inWorld({}, async (world) => {
      await pay(world, 'may.csv');
      renameSync(resultsFile(world), join(world.folder, 'elsewhere.jsonl'));
      const ended = await world.command(['results', 'export', 'may.csv']);
      expect(ended.code).toBe(2);
      expect(ended.stderr).toContain('3 more rows of this batch are decided, and their results were not found');
    });
  });
});

describe('results replay', () => {
  it('appends the same lines again, by batch, record or time, and every reader takes them', async () => {
    await inWorld({}, async (world) => {
      const may = await pay(world, 'may.csv');
      await pay(world, 'june.csv');
      const lines = linesOf(resultsFile(world));
      const of = (text: string): string[] => lines.filter((line) => line.includes(text));
      const replay = async (...args: string[]): Promise<string[]> => {
        const before = bytesOf(world);
        const ended = await world.command(['results', 'replay', '--json', ...args]);
        expect(ended).toMatchObject({ code: 0, stderr: '' });
        const after = bytesOf(world);
        expect(after.startsWith(before)).toBe(true);
        const added = after.slice(before.length).split('\n').slice(0, -1);
        expect(ended.stdout).toBe(`{"replayed":${added.length}}\n`);
        return added;
      };
      expect(await replay('--batch', 'may.csv')).toEqual(of(`"batch_id":"${may}"`));
      expect(await replay('--record', 'june-2')).toEqual(of('"record_id":"june-2"'));
      // Each once, although some are in the file twice.
      expect(await replay('--since', '-1h')).toEqual(lines);
      expect(await replay('--since', '2100-01-01')).toEqual([]);
      const text = await world.command(['results', 'replay', '--record', 'june-2']);
      expect(text.stdout).toMatch(/^\d+ results were published again\.\n$/);

      const payments = world.sandbox.payments().length;
      expect(await world.run(join(world.folder, 'may.csv'))).toMatchObject({ code: 0, summary: { balanced: true } });
      await pay(world, 'july.csv');
      expect(world.sandbox.payments()).toHaveLength(payments + 3);
      const tail = await world.command(['tail', '--json']);
      expect(tail).toMatchObject({ code: 0, stderr: '' });
      expect(tail.stdout).toBe(bytesOf(world));
      const ids = new Set(world.events().map(({ event_id: id }) => id));
      expect(ids.size).toBe(lines.length + linesOf(resultsFile(world)).filter((line) => line.includes('"july-')).length);
      const exported = await world.command(['results', 'export', 'may.csv']);
      expect(exported.stdout.trimEnd().split('\n')).toHaveLength(4);
    });
  });

  it('wants exactly one selection, and a record that has results', async () => {
    await inWorld({}, async (world) => {
      await pay(world, 'may.csv', 1);
      const before = bytesOf(world);
      for (const args of [[], ['--batch', 'may.csv', '--record', 'may-1'], ['--since', 'yesterday'], ['--record', 'none'], ['may.csv']])
        expect(await world.command(['results', 'replay', ...args])).toMatchObject({ code: 1, stdout: '' });
      expect(bytesOf(world)).toBe(before);
    });
  });

  it('goes on after a crash in the middle: the next run publishes what is left, and the ledger opens', async () => {
    await inWorld({}, async (world) => {
      await pay(world, 'may.csv');
      const lines = linesOf(resultsFile(world));
      const idle = await openIdle(world.dataDir);
      idle.enqueue(lines.map((json) => ({ eventId: (JSON.parse(json) as { event_id: string }).event_id, json })));
      idle.close();
      // A part of the group was written, and nothing noted.
      appendFileSync(resultsFile(world), `${lines.slice(0, 2).join('\n')}\n${lines[2]?.slice(0, 20)}`);
      expect(await world.run(join(world.folder, 'may.csv'))).toMatchObject({ code: 0 });
      expect(linesOf(resultsFile(world)).slice(0, 2 * lines.length)).toEqual([...lines, ...lines]);
    });
  });
});

describe('results rotate', () => {
  it('moves results.jsonl away whole, results continue in an empty file without a warning, and exports have all rows', async () => {
    await inWorld({}, async (world) => {
      await pay(world, 'may.csv');
      const before = bytesOf(world);
      const ended = await world.command(['results', 'rotate']);
      const [rotated = ''] = rotatedIn(world);
      expect(ended).toEqual({ code: 0, signal: null, stdout: `The results were moved to ${rotated}.\n`, stderr: '' });
      expect(existsSync(resultsFile(world))).toBe(false);
      expect(readFileSync(rotated, 'utf8')).toBe(before);
      expect(rotated).toMatch(/results-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}Z\.jsonl$/);
      expect(await world.command(['results', 'rotate', '--json'])).toMatchObject({ code: 0, stdout: '{"rotated":null}\n' });

      const csv = join(world.folder, 'again.csv');
      const again = await world.run(join(world.folder, 'may.csv'), ['--results', csv]);
      expect(again.code).toBe(0);
      expect(again.stderr).not.toContain('was missing');
      expect(readFileSync(csv, 'utf8').trimEnd().split('\n')).toHaveLength(4);
      await pay(world, 'june.csv');
      expect(linesOf(resultsFile(world)).every((line) => line.includes('june'))).toBe(true);
      expect((await world.command(['results', 'export', 'may.csv'])).stdout).toBe(readFileSync(csv, 'utf8'));
      expect(await world.command(['results', 'replay', '--batch', 'may.csv', '--json'])).toMatchObject({ code: 0 });
      expect(linesOf(resultsFile(world)).slice(-before.trimEnd().split('\n').length).join('\n')).toBe(before.trimEnd());
    });
  });

  it('leaves a folder that opens when it is killed between the move and the note of it', async () => {
    await inWorld({}, async (world) => {
      await pay(world, 'may.csv');
      renameSync(resultsFile(world), join(world.dataDir, 'results-2026-11-21T08-00-00.000Z.jsonl'));
      for (const name of ['june.csv', 'july.csv']) await pay(world, name, 1);
      expect(await world.command(['results', 'rotate'])).toMatchObject({ code: 0 });
      await pay(world, 'august.csv', 1);
      for (const name of ['may.csv', 'june.csv', 'july.csv', 'august.csv'])
        expect(await world.command(['results', 'export', name])).toMatchObject({ code: 0, stderr: '' });
    });
  });

  it('publishes first what a killed process decided and did not publish', async () => {
    await inWorld({}, async (world) => {
      await pay(world, 'may.csv');
      const [line = ''] = linesOf(resultsFile(world));
      const idle = await openIdle(world.dataDir);
      idle.enqueue([{ eventId: (JSON.parse(line) as { event_id: string }).event_id, json: line }]);
      idle.close();
      await world.command(['results', 'rotate']);
      expect(linesOf(rotatedIn(world)[0] ?? '').at(-1)).toBe(line);
    });
  });

  it('keeps the refusals of a lost ledger and of one that is older than its results', async () => {
    await inWorld({}, async (world) => {
      await pay(world, 'may.csv');
      const ledger = join(world.dataDir, 'ledger.sqlite');
      copyFileSync(ledger, `${ledger}.copy`);
      await pay(world, 'june.csv');
      copyFileSync(ledger, `${ledger}.newest`);
      await world.command(['results', 'rotate']);
      const payments = world.sandbox.payments().length;

      copyFileSync(`${ledger}.copy`, ledger);
      const older = await world.command(['run', join(world.folder, 'june.csv')]);
      expect(older.code).toBe(1);
      expect(older.stderr).toContain('is older than its results');
      expect((await world.command(['results', 'rotate'])).code).toBe(1);
      expect((await world.command(['results', 'replay', '--since', '-1h'])).code).toBe(1);

      rmSync(ledger);
      const lost = await world.command(['run', join(world.folder, 'june.csv')]);
      expect(lost.code).toBe(1);
      expect(lost.stderr).toContain('holds results of one');

      // The ledger as it was before the move is not older: only the note of the move is missing.
      copyFileSync(`${ledger}.newest`, ledger);
      expect(await world.command(['run', join(world.folder, 'june.csv'), '--json'])).toMatchObject({ code: 0 });
      expect(world.sandbox.payments()).toHaveLength(payments);
    });
  });

  it('shows that a ledger is older although old results were published again right before the move', async () => {
    await inWorld({}, async (world) => {
      await pay(world, 'may.csv', 60);
      const ledger = join(world.dataDir, 'ledger.sqlite');
      copyFileSync(ledger, `${ledger}.copy`);
      await pay(world, 'june.csv');
      copyFileSync(ledger, `${ledger}.newest`);
      const length = bytesOf(world).length;
      expect(await world.command(['results', 'replay', '--batch', 'may.csv'])).toMatchObject({ code: 0 });
      // More than what is compared of the end of a file while another process pays.
      expect(bytesOf(world).length - length).toBeGreaterThan(65_536);
      copyFileSync(ledger, `${ledger}.replayed`);
      expect(await world.command(['results', 'rotate'])).toMatchObject({ code: 0 });
      const payments = world.sandbox.payments().length;

      copyFileSync(`${ledger}.copy`, ledger);
      const older = await world.command(['run', join(world.folder, 'june.csv')]);
      expect(older.code).toBe(1);
      expect(older.stderr).toContain('is older than its results');
      expect(world.sandbox.payments()).toHaveLength(payments);

      for (const copy of ['newest', 'replayed']) {
        copyFileSync(`${ledger}.${copy}`, ledger);
        expect(await world.command(['run', join(world.folder, 'june.csv'), '--json'])).toMatchObject({ code: 0 });
      }
      expect(world.sandbox.payments()).toHaveLength(payments);
    });
  });

  it('does not replay or rotate while a process holds the ledger', async () => {
    await inWorld({}, async (world) => {
      await pay(world, 'may.csv');
      const before = bytesOf(world);
      const serving = world.begin(['serve'], { HTTP_PORT: String(await freePort()) });
      await until('the service', () => serving.stderr().includes('"url":'));
      for (const args of [['rotate'], ['replay', '--since', '-1h']]) {
        const ended = await world.command(['results', ...args]);
        expect(ended).toMatchObject({ code: 3, stdout: '' });
        expect(ended.stderr).toContain('is held by process');
      }
      serving.kill('SIGTERM');
      await serving.ended;
      expect(bytesOf(world)).toBe(before);
      expect(rotatedIn(world)).toEqual([]);
    });
  });
});
