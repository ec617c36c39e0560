/** Every page in both themes and at both ends of the widths: readable by people, by keyboard and by programs that read aloud. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { csvOf, payouts, row } from '../support/builders.ts';
import { beginConsole, linkFor, type StartedConsole } from '../e2e/console-world.ts';
import { inWorld, sha256Of, until, type World } from '../e2e/world.ts';
import { launch, logIn, openContext, overflowOf, screenshot, violationsOf } from './world.ts';

const may = csvOf([
  ...payouts(24),
  row('usd-1', { amount: '1000.50', currency: 'USD' }),
  row('bad-1', { iban: 'DE00370400440532013000', amount: '12.345' }),
]);
const june = csvOf([...payouts(3, 'j'), row('bad-2', { iban: 'DE00370400440532013000' })]);

/** One world for all: starting it takes longer than looking at it. */
let world: World;
let console_: StartedConsole;
let browser: Browser;
let ended: Promise<void>;
const over = Promise.withResolvers<void>();

beforeAll(async () => {
  const ready = Promise.withResolvers<void>();
  ended = inWorld({ faults: 'refuse=0.15,lost-answer=0.1', seed: 4 }, async (made) => {
    world = made;
    world.write('may.csv', may);
    console_ = await beginConsole(world, { APPROVAL: 'required' });
    const { browser: alice } = console_;
    for (const [name, content, totals] of [
      ['may.csv', may, 'EUR=301.68/24,USD=1000.50/1'],
      ['june.csv', june, 'EUR=6.21/3'],
    ] as const) {
      const { upload } = (await alice.upload({ name, content }, {}, { accept: 'application/json' })).json() as { upload: string };
      await alice.post(`/upload/${upload}/submit`, { expect: totals });
    }
    await until(
      'the file to wait',
      async () => ((await alice.json(`/batches/${sha256Of(may)}`)) as { state?: string }).state === 'awaiting_approval',
    );
    const bob = await console_.as('bob');
    await bob.post(`/batches/${sha256Of(may)}/approve`, { expect: 'EUR=301.68/24,USD=1000.50/1', reason: 'seen' });
    await until(
      'the file to be sent',
      async () =>
        ((await alice.json(`/batches/${sha256Of(may)}`)) as { statuses: { queued: { count: number } } }).statuses.queued.count === 0,
    );
    await alice.upload({
      name: 'july.csv',
      content: csvOf([...payouts(2, 'l'), row('bad-3', { iban: 'DE00370400440532013000', amount: '0' })]),
    });
    // Its columns have other names than ours.
    await alice.upload({
      name: 'bank.csv',
      content: csvOf(payouts(2, 'b')).replace('record_id', 'Invoice No').replace('amount', 'Betrag'),
    });
    browser = await launch();
    ready.resolve();
    await over.promise;
    await browser.close();
    await console_.stop();
  });
  ended.catch(ready.reject);
  await ready.promise;
});
afterAll(async () => {
  over.resolve();
  await ended;
});

const pathsOf = async (): Promise<Readonly<Record<string, string>>> => {
  const { items } = (await console_.browser.json('/records?status=unknown,failed,in_progress')) as { items: { record_id: string }[] };
  const uploads = (
    (await console_.browser.json('/upload')) as { items: { id: string; handed_over: string | null; needs_mapping: boolean }[] }
  ).items;
  return {
    overview: '/',
    batches: '/batches',
    batch: `/batches/${sha256Of(may)}`,
    records: '/records?status=succeeded&status=failed&status=unknown',
    record: `/records/${items[0]?.record_id ?? 'p-1'}`,
    upload: '/upload',
    review: `/upload/${uploads.find(({ handed_over: by, needs_mapping: waits }) => by === null && !waits)?.id ?? ''}`,
    mapping: `/upload/${uploads.find(({ needs_mapping: waits }) => waits)?.id ?? ''}`,
    approvals: '/approvals',
    alerts: '/alerts',
    'dead-letters': '/dead-letters',
    system: '/system',
  };
};

const openAll = (page: Page): Promise<unknown> => page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))");

async function withPage(
  look: Parameters<typeof openContext>[1],
  work: (page: Page, context: BrowserContext) => Promise<void>,
  person = 'carol',
): Promise<void> {
  const context = await openContext(browser, look);
  try {
    await work(await logIn(context, await linkFor(world, person)), context);
  } finally {
    await context.close();
  }
}

describe('each page', () => {
  it.each(['light', 'dark'] as const)('in the %s theme has nothing that axe finds wrong, with every form open', async (theme) => {
    await withPage({ theme, width: 1280 }, async (page) => {
      for (const [name, path] of Object.entries(await pathsOf())) {
        await page.goto(`${console_.url}${path}`);
        expect(await page.title()).toContain('disburse');
        if (['overview', 'batch', 'record', 'review', 'mapping', 'approvals'].includes(name)) await screenshot(page, `${name}-${theme}`);
        await openAll(page);
        expect(await violationsOf(page), `${name} ${theme}`).toEqual([]);
      }
      const context = page.context();
      const login = await context.newPage();
      await login.goto(await linkFor(world, 'dora'));
      expect(await violationsOf(login)).toEqual([]);
    });
  });

  it.each([320, 768, 2560])('is no wider than a window of %i pixels, in which only tables scroll', async (width) => {
    await withPage({ theme: 'light', width }, async (page) => {
      for (const [name, path] of Object.entries(await pathsOf())) {
        await page.goto(`${console_.url}${path}`);
        await openAll(page);
        expect(await overflowOf(page), `${name} at ${width}`).toBeLessThanOrEqual(0);
        if (width === 320 && ['overview', 'approvals', 'mapping'].includes(name)) {
          await page.goto(`${console_.url}${path}`);
          await screenshot(page, `${name}-320`);
        }
      }
    });
  });

  it('shows times in UTC with the local one beside them', async () => {
    await withPage({ theme: 'light', width: 1280 }, async (page) => {
      await page.goto(`${console_.url}/batches`);
      expect(await page.locator('time + .local').first().textContent()).toMatch(/^ \((?:\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d here\)$/);
    });
  });

  it('prints without navigation and forms', async () => {
    await withPage({ theme: 'light', width: 1280 }, async (page) => {
      await page.goto(`${console_.url}/approvals`);
      await page.emulateMedia({ media: 'print' });
      expect(await page.locator('header nav').isVisible()).toBe(false);
      expect(await page.locator('.actions').first().isVisible()).toBe(false);
      expect(await page.locator('h1').isVisible()).toBe(true);
    });
  });

  it('asks only the console for anything, and its policy stops nothing of its own', async () => {
    await withPage({ theme: 'light', width: 1280 }, async (page) => {
      const [foreign, complaints]: [string[], string[]] = [[], []];
      page.on('request', (request) => new URL(request.url()).origin === console_.url || foreign.push(request.url()));
      page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
      page.on('pageerror', (error) => complaints.push(error.message));
      for (const path of Object.values(await pathsOf())) await page.goto(`${console_.url}${path}`, { waitUntil: 'load' });
      expect([foreign, complaints]).toEqual([[], []]);
    });
  });

  it('is used with the keyboard alone: the first key leads to the content, and each stop is seen', async () => {
    await withPage({ theme: 'light', width: 1280 }, async (page) => {
      await page.goto(`${console_.url}/batches/${sha256Of(june)}`);
      await page.keyboard.press('Tab');
      expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to content');
      await page.keyboard.press('Enter');
      expect(await page.evaluate('document.activeElement.id')).toBe('main');
      for (let stop = 0; stop < 40; stop += 1) {
        await page.keyboard.press('Tab');
        const seen = (await page.evaluate(
          "(() => { const one = document.activeElement; if (one === document.body) return 'end'; const style = getComputedStyle(one); return style.outlineStyle !== 'none' && style.outlineWidth !== '0px' ? 'seen' : one.outerHTML.slice(0, 100); })()",
        )) as string;
        if (seen === 'end') break;
        expect(seen).toBe('seen');
        const isApprove = (await page.evaluate(
          "document.activeElement.tagName === 'SUMMARY' && document.activeElement.textContent === 'Approve'",
        )) as boolean;
        if (!isApprove) continue;
        await page.keyboard.press('Enter');
        await page.keyboard.press('Tab');
        await page.keyboard.type('EUR=6.21/3');
        await page.keyboard.press('Tab');
        await page.keyboard.type('seen');
        await page.keyboard.press('Enter');
        await page.waitForSelector('.note.good');
        return;
      }
      throw new Error('no form to approve was reached');
    });
  });
});
