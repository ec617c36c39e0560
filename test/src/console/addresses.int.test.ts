/** Every id has an address of its own, through a browser's and a server's reading of it. */
import { Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import { at } from '../../../src/console/markup.ts';
import { paramOf } from '../../../src/console/routes.ts';
import { csvOf, row } from '../../support/builders.ts';
import { inWorld } from '../../e2e/world.ts';
import { shownText } from './browser.ts';
import { withConsole } from './world.ts';

const ids = [
  '.',
  '..',
  '...',
  '~.',
  '~~..',
  '~',
  '%2e',
  '%2E%2e',
  '%',
  '%zz',
  'a/b',
  '/',
  '//',
  '../..',
  '\\',
  'a?b',
  '?',
  'a#b',
  '#',
  ' ',
  ' a b ',
  '+',
].concat(['é', '日本', '😀', '--all', '~--all', '-x', ':id', '*', 'resolve', 'a;b', 'a&b=c', '<script>', '"', "'", 'a\tb', 'x'.repeat(64)]);

describe('the address of an id', () => {
  it.each(ids)('%j is read as this id again, alone and before an action', async (id) => {
    const app = new Hono()
      .get('/records/:id', (c) => c.json({ id: paramOf(c, 'id') }))
      .get('/records/:id/retry', (c) => c.json({ retry: paramOf(c, 'id') }))
      .get('/batches/--all/pause', (c) => c.json({ all: true }))
      .get('/batches/:id/pause', (c) => c.json({ pause: paramOf(c, 'id') }));
    const answered = async (path: string): Promise<unknown> => (await app.request(new URL(path, 'http://localhost'))).json();
    expect(await answered(at('records', id))).toEqual({ id });
    expect(await answered(at('records', id, 'retry'))).toEqual({ retry: id });
    expect(await answered(at('batches', id, 'pause'))).toEqual({ pause: id });
  });

  it('that only differs from another one in such signs is another address', () => {
    expect(new Set(ids.map((id) => new URL(at('records', id), 'http://localhost').pathname)).size).toBe(ids.length);
  });

  it('that is no text in Unicode is an address all the same', () => {
    expect(at('records', 'a\ud800')).toBe('/records/a%EF%BF%BD');
  });
});

describe('a record', () => {
  it.each(['.', '..'])('with the id %j has a page, which is linked and takes decisions', async (id) => {
    await inWorld({ faults: 'refuse=1', seed: 3 }, async (world) => {
      await world.run(world.write('may.csv', csvOf([row(id, { amount: '1.00' })])));
      await withConsole(world, async ({ browser }) => {
        const link = /href="(\/records\/[^"?]+)"/.exec((await browser.get('/records?status=failed')).text)?.[1] ?? '';
        const { pathname } = new URL(link, 'http://localhost');
        expect(await browser.json(pathname)).toMatchObject({ record: { record_id: id, status: 'failed' } });
        const page = await browser.get(pathname);
        const action = /action="(\/records\/[^"]+\/retry)"/.exec(page.text)?.[1] ?? '';
        const done = await browser.submit(new URL(action, 'http://localhost').pathname, { reason: 'again', confirm: '1 EUR 1.00' });
        expect(shownText(done.text)).toContain('attempt 2');
        expect(await browser.json(pathname)).toMatchObject({ record: { record_id: id, status: 'queued', attempt: 2 } });
      });
    });
  });
});
