/** What an open page shows when something changes at an unlucky moment: it must come to the newest state by itself. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Browser, Page } from 'playwright-core';
import { csvOf, payouts } from '../support/builders.ts';
import { beginConsole, linkFor, type StartedConsole } from '../e2e/console-world.ts';
import { inWorld, sha256Of, until, type World } from '../e2e/world.ts';
import { launch, logIn, openContext } from './world.ts';

interface Open {
  readonly world: World;
  readonly started: StartedConsole;
  /** Of a first person, who only looks: as long as it is open, the console looks at the ledger once a second. */
  readonly watcher: Page;
  readonly page: Page;
}

let browser: Browser;
beforeEach(async () => void (browser = await launch()));
afterEach(() => browser.close());

const look = { theme: 'light', width: 1280 } as const;

const withPages = (work: (open: Open) => Promise<void>): Promise<void> =>
  inWorld({}, async (world) => {
    const started = await beginConsole(world);
    try {
      const open = async (name: string): Promise<Page> => logIn(await openContext(browser, look), await linkFor(world, name));
      const [watcher, page] = [await open('carol'), await open('dora')];
      await streamOf(watcher, 'open');
      await work({ world, started, watcher, page });
    } finally {
      await started.stop();
    }
  });

const streamOf = (page: Page, state: 'open' | 'lost'): Promise<unknown> => page.waitForSelector(`html[data-stream="${state}"]`);

const shows = (what: string, page: Page): Promise<void> =>
  until(what, async () => (await page.locator('.note.warn', { hasText: 'Paused' }).count()) > 0, 15_000);

const pause = async ({ started }: Open): Promise<void> => void (await started.browser.post('/batches/--all/pause'));

describe('a page that is open', () => {
  it('shows what changed after it was made and before it listened', async () => {
    await withPages(async (open) => {
      const { page, watcher, started } = open;
      const listens = Promise.withResolvers<void>();
      await page.context().route('**/events', async (route) => {
        await listens.promise;
        await route.continue();
      });
      await page.goto(`${started.url}/`);
      await pause(open);
      // The console has told all that listened.
      await shows('the other page to show the pause', watcher);
      listens.resolve();
      await streamOf(page, 'open');
      await shows('the page to show the pause', page);
    });
  });

  it('asks again for what it could not get when it changed', async () => {
    await withPages(async (open) => {
      const { page, started } = open;
      await page.goto(`${started.url}/`);
      await streamOf(page, 'open');
      await page.waitForLoadState('networkidle').catch(() => undefined);
      let refused = 0;
      await page.route(`${started.url}/`, async (route) => {
        refused += 1;
        if (refused > 2) await route.continue();
        else await route.fulfill({ status: 503, body: 'busy' });
      });
      await pause(open);
      await shows('the page to show the pause', page);
      expect(refused).toBeGreaterThan(2);
    });
  });

  it('shows what changed in a part that was in use as soon as it is no more', async () => {
    await withPages(async (open) => {
      const { page, watcher, started, world } = open;
      const content = csvOf(payouts(2));
      const { upload } = (await started.browser.upload({ name: 'may.csv', content }, {}, { accept: 'application/json' })).json() as {
        upload: string;
      };
      await started.browser.post(`/upload/${upload}/submit`, { expect: 'EUR=3.14/2' });
      await until('the payments', () => world.sandbox.payments().length === 2);
      await page.goto(`${started.url}/batches/${sha256Of(content)}`);
      await until('the records', async () => (await page.locator('#batch a').count()) > 0);
      await page.locator('#batch a').first().focus();
      await pause(open);
      await shows('the other page to show the pause', watcher);
      // Longer than a page rests between two changes.
      await page.waitForTimeout(2_500);
      expect(await page.locator('#batch', { hasText: 'paused everything' }).count()).toBe(0);
      await page.locator('h1').click();
      await page.evaluate('document.activeElement.blur()');
      await until('the part to be new', async () => (await page.locator('#batch', { hasText: 'paused everything' }).count()) > 0, 15_000);
    });
  });
});
