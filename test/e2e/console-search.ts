/** Every page of the console, for every role: what is linked from page to page, its objects and its downloads. */
import { unescaped, type Answered, type Browser } from '../src/console/browser.ts';
import type { Place } from './secret-search.ts';

const pagesAtMost = 2_000;

/** Pages that no link leads to. */
const starts = ['/', '/batches', '/records', '/upload', '/approvals', '/alerts', '/dead-letters', '/system', '/events-that-are-none'];

/** Where links and buttons of a page lead on this console; what a form sends by GET is not tried in all its forms. */
function linksOf({ text }: Answered): readonly string[] {
  const found = [...text.matchAll(/(?:href|src)="(\/[^"#]*)/g)].map(([, path]) => unescaped(path ?? ''));
  return found.filter((path) => !path.startsWith('//'));
}

/**
 * @param role names the places
 * @param more addresses that are asked for besides
 */
export async function consolePlaces(browser: Browser, role: string, more: readonly string[] = []): Promise<readonly Place[]> {
  const places: Place[] = [];
  const waiting = [...starts, ...more];
  const seen = new Set(waiting);
  for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) {
    if (seen.size > pagesAtMost) throw new Error(`the console has more than ${pagesAtMost} pages`);
    for (const accept of ['text/html', 'application/json']) {
      const got = await browser.get(path, { accept });
      const head = JSON.stringify(got.headers);
      places.push({ name: `${accept} of ${role}: ${got.status} ${path}`, bytes: Buffer.from(`${head}\n${got.text}`) });
      for (const link of linksOf(got))
        if (!seen.has(link)) {
          seen.add(link);
          waiting.push(link);
        }
    }
  }
  return places;
}
