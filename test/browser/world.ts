/** Pages in a real browser. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import axe from 'axe-core';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { expect } from 'vitest';
import { findChromium } from '../support/chromium.ts';

const root = join(import.meta.dirname, '..', '..');

export function launch(): Promise<Browser> {
  const executablePath = findChromium();
  if (executablePath === undefined)
    throw new Error('There is no chromium on the PATH: install it (apt-get install chromium), or name one in CHROMIUM.');
  return chromium.launch({ executablePath, args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] });
}

export interface Look {
  readonly theme: 'light' | 'dark';
  readonly width: number;
  readonly script?: boolean;
}

export const openContext = (browser: Browser, { theme, width, script = true }: Look): Promise<BrowserContext> =>
  browser.newContext({
    colorScheme: theme,
    viewport: { width, height: 900 },
    javaScriptEnabled: script,
    timezoneId: 'Europe/Brussels',
    locale: 'en-GB',
  });

/** Follows a login link as a person does. */
export async function logIn(context: BrowserContext, link: string): Promise<Page> {
  const page = await context.newPage();
  await page.goto(link);
  await page.click('#onwards');
  return page;
}

interface Violation {
  readonly id: string;
  readonly help: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
}

/** WCAG 2.2 AA, as far as a program can tell. Evaluated beside the page's own policy, which allows no script of others. */
export async function violationsOf(page: Page): Promise<readonly string[]> {
  const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
  const found = (await page.evaluate(`${axe.source};axe.run(document, { runOnly: { type: 'tag', values: ${JSON.stringify(tags)} } })`)) as {
    violations: Violation[];
  };
  return found.violations.map(
    ({ id, help, nodes }) =>
      `${id}: ${help}: ${nodes.map(({ html, failureSummary }) => `${html.slice(0, 120)} ${failureSummary ?? ''}`).join(' | ')}`,
  );
}

/** Of how much the page is wider than its window; only tables may scroll sideways. */
export const overflowOf = (page: Page): Promise<number> =>
  page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth') as Promise<number>;

/** Those of the documentation: with SCREENSHOTS=docs they are written there. All others go into a folder that is not kept. */
const ofDocs: ReadonlySet<string> = new Set(['overview-light', 'review-light', 'batch-dark', 'approvals-320']);
const folderOf = (name: string): string =>
  process.env['SCREENSHOTS'] === 'docs' && ofDocs.has(name)
    ? join(root, 'docs', 'screenshots')
    : join(root, 'node_modules', '.cache', 'disburse-screenshots');

export async function screenshot(page: Page, name: string): Promise<void> {
  const folder = folderOf(name);
  mkdirSync(folder, { recursive: true });
  const bytes = await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true, animations: 'disabled' });
  expect(bytes.length).toBeGreaterThan(1_000);
}
