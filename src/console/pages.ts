/** All pages and actions of the console, by their paths. */
import type { Hono } from 'hono';
import type { ResultEvent } from '../../batches/record/result-event.ts';
import type { ConsoleEnv } from './access/guard.ts';
import { createErrorGroups } from './error-groups.ts';
import type { Live } from './live.ts';
import { markup } from './markup.ts';
import type { Notes } from './notes.ts';
import { alertsPage } from './pages/alerts.ts';
import { batchPage } from './pages/batch.ts';
import { batchesPage } from './pages/batches.ts';
import { deadLettersPage, type ReadLetters } from './pages/dead-letters.ts';
import { overviewPage, type OverviewDeps } from './pages/overview.ts';
import { recordPage } from './pages/record.ts';
import { recordsPage } from './pages/records.ts';
import { systemPage } from './pages/system.ts';
import { readFlag } from './query.ts';
import { page } from './routes.ts';

export interface PagesDeps extends OverviewDeps {
  readonly letters: ReadLetters;
  readonly live: Live;
  /** Result events since then, in milliseconds since the epoch. */
  readonly results: (since: number) => AsyncIterable<ResultEvent>;
}

export function addPages(app: Hono<ConsoleEnv>, notes: Notes, deps: PagesDeps): void {
  const errorGroups = createErrorGroups({ clock: { now: deps.now }, results: deps.results });
  page(app, notes, '/', () => overviewPage(deps));
  page(app, notes, '/batches', ({ query }) => batchesPage(deps, query));
  page(app, notes, '/batches/:id', ({ param }) => batchPage({ ...deps, errorGroups }, param('id'), () => markup``));
  page(app, notes, '/records', ({ url, query }) => recordsPage(deps, url, query));
  page(app, notes, '/records/:id', ({ param, query }) =>
    recordPage(deps, param('id'), { verify: readFlag(query, 'verify'), actions: () => markup`` }),
  );
  page(app, notes, '/alerts', ({ query }) => alertsPage(deps, query, () => null));
  page(app, notes, '/dead-letters', ({ query }) => deadLettersPage(deps.letters, query, () => null));
  page(app, notes, '/system', () => systemPage(deps));
  app.get('/events', (c) => deps.live.open(c.req.raw.signal));
}
