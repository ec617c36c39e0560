/** Uploaded files are on disk sealed: what went in is found nowhere, and what was changed there is not paid. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { csvOf, payouts } from '../support/builders.ts';
import { zipOf } from '../consumers/gateway-report/reports.ts';
import { inlineRow, parts } from '../consumers/workbook/workbooks.ts';
import { shownText, type Answered } from '../src/console/browser.ts';
import { beginConsole } from './console-world.ts';
import { expectNothing, filesOf, ibans, rowsOf } from './secret-search.ts';
import { inWorld, sha256Of, until, type World } from './world.ts';

const json = { accept: 'application/json' };
const idOf = (answered: Answered): string => (answered.json() as { upload: string }).upload;
const pathOf = (world: World, id: string): string => {
  const folder = join(world.dataDir, 'uploads', id, 'file');
  return join(folder, readdirSync(folder)[0] ?? '');
};

describe('the data folder', () => {
  it('has nothing of the accounts and cards of uploaded files in the clear, before, while and after they are paid', async () => {
    await inWorld({ faults: 'lost-answer=0.2', seed: 3 }, async (world) => {
      const console = await beginConsole(world);
      const { browser } = console;
      const content = csvOf(rowsOf('u'));
      const id = idOf(await browser.upload({ name: 'u.csv', content }, {}, json));
      const packed = await browser.upload({ name: 'v.csv.gz', content: gzipSync(csvOf(rowsOf('v'))) }, {}, json);
      const cells = [['record_id', 'iban'], ...ibans.map((iban, index) => [`w-${index}`, iban])];
      const book = zipOf(parts(cells.map((row, index) => inlineRow(index + 1, ...row)).join('')));
      await browser.upload({ name: 'w.xlsx', content: book }, {}, json);
      expect(packed.json()).toMatchObject({ structural: false });
      expectNothing(filesOf(world));
      const { totals } = (await browser.json(`/upload/${id}`)) as { totals: Record<string, { count: number; amount: string }> };
      const expected = Object.entries(totals).map(([currency, { count, amount }]) => `${currency}=${amount}/${count}`);
      await browser.post(`/upload/${id}/submit`, { expect: expected.join(',') });
      expectNothing(filesOf(world));
      await until('every row to be sent', async () => {
        const { statuses } = (await browser.json(`/batches/${sha256Of(content)}`)) as {
          statuses?: Record<'queued' | 'submitting' | 'in_progress', { count: number }>;
        };
        return statuses !== undefined && [statuses.queued, statuses.submitting, statuses.in_progress].every(({ count }) => count === 0);
      });
      expectNothing(filesOf(world));
      await console.stop();
    });
  });
});

describe('an uploaded file', () => {
  it('that is changed in the data folder after it was handed over is not paid, and the console says what to do', async () => {
    await inWorld({}, async (world) => {
      const content = csvOf(payouts(3));
      const first = await beginConsole(world, { APPROVAL: 'required' });
      const id = idOf(await first.browser.upload({ name: 'may.csv', content }, {}, json));
      await first.browser.post(`/upload/${id}/submit`, { expect: 'EUR=6.21/3' });
      const unread = idOf(await first.browser.upload({ name: 'june.csv', content: csvOf(payouts(2, 'j')) }, {}, json));
      expect(await first.stop()).toBe(0);
      for (const one of [id, unread]) {
        const sealed = readFileSync(pathOf(world, one));
        writeFileSync(pathOf(world, one), sealed.subarray(0, sealed.length - 3));
      }
      const second = await beginConsole(world, { APPROVAL: 'required' });
      const got = await second.browser.get(`/upload/${unread}`);
      expect([got.status, shownText(got.text)]).toEqual([409, expect.stringContaining('was cut or changed in the data folder')]);
      await until('the reason', async () =>
        shownText((await second.browser.get('/upload')).text).includes('not paid The uploaded file was cut or changed in the data folder'),
      );
      expect(world.sandbox.payments()).toEqual([]);
      await second.stop();
    });
  });

  it('of a version that kept uploads in the clear is still read and paid', async () => {
    await inWorld({}, async (world) => {
      const content = csvOf(payouts(2));
      const id = '0f0e0d0c-0000-4000-8000-000000000001';
      mkdirSync(join(world.dataDir, 'uploads', id, 'file'), { recursive: true });
      writeFileSync(join(world.dataDir, 'uploads', id, 'file', 'may.csv'), content);
      const note = { id, name: 'may.csv', reading: {}, by: 'alice', at: '2026-11-21T08:00:00.000Z', handedOver: null };
      writeFileSync(join(world.dataDir, 'uploads', id, 'upload.json'), JSON.stringify(note));
      const console = await beginConsole(world);
      await console.browser.post(`/upload/${id}/submit`, { expect: 'EUR=3.14/2' });
      await until(
        'the end of the batch',
        async () => ((await console.browser.json(`/batches/${sha256Of(content)}`)) as { state?: string }).state === 'finished',
      );
      expect(world.sandbox.payments()).toHaveLength(2);
      await console.stop();
    });
  });
});
