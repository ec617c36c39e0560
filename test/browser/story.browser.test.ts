/** A file from its upload to its end in a real browser, by two persons, while answers are lost and a process is killed. */
import { describe, expect, it } from 'vitest';
import type { Page } from 'playwright-core';
import { csvOf, payouts } from '../support/builders.ts';
import { beginConsole, linkFor } from '../e2e/console-world.ts';
import { inWorld, sha256Of, until, type World } from '../e2e/world.ts';
import { launch, logIn, openContext, violationsOf } from './world.ts';

const required = { APPROVAL: 'required' };

async function uploadIn(page: Page, base: string, name: string, content: string): Promise<void> {
  await page.goto(`${base}/upload`);
  await page.setInputFiles('input[type=file]', { name, mimeType: 'text/csv', buffer: Buffer.from(content) });
  await page.click('text=Check the file');
}

async function decide(page: Page, title: string, fields: Readonly<Record<string, string>>, button: string): Promise<void> {
  const form = page.locator('details', { has: page.locator(`summary:text-is("${title}")`) }).first();
  await form.locator('summary').click();
  for (const [name, value] of Object.entries(fields)) await form.locator(`[name="${name}"]`).fill(value);
  await form.locator(`button:text-is("${button}")`).click();
}

/** Alice uploads, corrects and hands over; Bob approves. */
async function handOverAndApprove(
  world: World,
  { base, alice, bob, content, totals, script }: { base: string; alice: Page; bob: Page; content: string; totals: string; script: boolean },
): Promise<void> {
  const bad = content + 'bad-1,payout,abc,EUR\n';
  await uploadIn(alice, base, 'may.csv', bad);
  expect(await alice.locator('.verdict.bad').textContent()).toMatch(/cannot be paid|block the whole/);
  await uploadIn(alice, base, 'may.csv', content);
  expect(await alice.locator('.verdict.good').textContent()).toBe('Every row can be paid.');
  await alice.fill('[name=expect]', totals);
  await alice.click('button:text-is("Hand over for approval")');
  await alice.waitForURL(/\/batches\//);
  // Without a script a page changes when it is loaded again.
  await until('the batch to wait for its approval', async () => {
    if (!script) await alice.reload();
    return (await alice.locator('text=awaiting approval').count()) > 0;
  });
  expect(await alice.locator('summary:text-is("Approve")').count()).toBe(0);
  expect(world.sandbox.payments()).toEqual([]);
  await bob.goto(`${base}/approvals`);
  await decide(bob, 'Approve', { expect: totals, reason: 'as agreed' }, 'Approve');
  await bob.waitForSelector('.note.good');
}

describe('a file by two persons', () => {
  it.each([true, false])(
    'is uploaded, corrected, approved and watched to its end, one unknown record is resolved, and the balance holds (script: %s)',
    async (script) => {
      await inWorld({ faults: 'lost-answer=0.15', seed: 11 }, async (world) => {
        const started = await beginConsole(world, { ...required, DISPATCH_RATE: '40' });
        const browser = await launch();
        const look = { theme: 'light', width: 1280, script } as const;
        try {
          const { url: base } = started;
          const alice = await logIn(await openContext(browser, look), await linkFor(world, 'alice'));
          const bob = await logIn(await openContext(browser, look), await linkFor(world, 'bob'));
          const content = csvOf(payouts(30));
          await handOverAndApprove(world, { base, alice, bob, content, totals: 'EUR=467.10/30', script });
          await alice.goto(`${base}/batches/${sha256Of(content)}`);
          // With the script the page changes by itself; without it a person loads it again.
          const isSent = async (): Promise<boolean> => {
            if (!script) await alice.reload();
            return (
              /final 2\d|final 30/.test((await alice.locator('.parts ul').textContent()) ?? '') &&
              /waiting 0/.test((await alice.locator('.parts ul').textContent()) ?? '')
            );
          };
          await until('every row to be sent', isSent);
          // Nothing is sent again for a key that the gateway knows: such a record waits for a person.
          const known = '/records?status=unknown&code=idempotency_key_already_exists';
          let first: { record_id: string; amount_details: { amount: number } } | undefined;
          await until('a record that only a person can resolve', async () => {
            const { items } = (await started.browser.json(known)) as { items: NonNullable<typeof first>[] };
            first = items[0];
            return first !== undefined;
          });
          await alice.goto(`${base}/records/${first?.record_id ?? ''}`);
          const sum = ((first?.amount_details.amount ?? 0) / 100).toFixed(2);
          const form = alice.locator('details', { has: alice.locator('summary:text-is("Resolve by your word")') });
          await form.locator('summary').click();
          await form.locator('input[value=succeeded]').check();
          for (const [name, value] of Object.entries({ evidence: 'statement 118', confirm: `1 EUR ${sum}`, reason: 'answer lost' }))
            await form.locator(`[name="${name}"]`).fill(value);
          await form.locator('button').click();
          await alice.waitForSelector('.note.good');
          if (script) expect(await violationsOf(alice)).toEqual([]);
          await alice.goto(`${base}/`);
          expect(await alice.locator('.verdict.good').textContent()).toContain('Balanced');
          const ids = world.sandbox.payments().map(({ record_id: id }) => id);
          expect([ids.length, new Set(ids).size]).toEqual([30, 30]);
        } finally {
          await browser.close();
          await started.stop();
        }
      });
    },
  );

  it('goes on, and so does the open page, when the process that pays is killed in the middle and started again', async () => {
    await inWorld({}, async (world) => {
      const port = String(await (await import('../support/free-port.ts')).freePort());
      const env = { DISPATCH_RATE: '10', CONSOLE_PORT: port };
      let started = await beginConsole(world, env);
      const browser = await launch();
      try {
        const page = await logIn(await openContext(browser, { theme: 'dark', width: 1280 }), await linkFor(world, 'alice', env));
        const content = csvOf(payouts(40));
        await uploadIn(page, started.url, 'may.csv', content);
        await page.fill('[name=expect]', 'EUR=822.80/40');
        await page.click('button:text-is("Pay this file")');
        await until('some payments', () => world.sandbox.payments().length > 5);
        started.running.kill('SIGKILL');
        await started.running.ended;
        started = await beginConsole(world, env);
        // The same page: it connects again by itself, and the session is still good.
        await until(
          'the page to show the end',
          async () =>
            /finished|waiting/.test((await page.locator('.facts .badge').first().textContent()) ?? '') &&
            /waiting 0/.test((await page.locator('.parts ul').textContent()) ?? ''),
        );
        const ids = world.sandbox.payments().map(({ record_id: id }) => id);
        expect([ids.length, new Set(ids).size]).toEqual([40, 40]);
      } finally {
        await browser.close();
        await started.stop();
      }
    });
  });
});

describe('axe', () => {
  it('finds what is wrong in a page that is wrong', async () => {
    const browser = await launch();
    try {
      const page = await browser.newPage();
      await page.setContent('<title>x</title><p style="color:#999;background:#fff">pale</p><img src="x.png">');
      expect((await violationsOf(page)).map((one) => one.split(':')[0])).toEqual(
        expect.arrayContaining(['color-contrast', 'image-alt', 'html-has-lang']),
      );
    } finally {
      await browser.close();
    }
  });
});
