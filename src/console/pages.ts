/** All pages and actions of the console, by their paths. */
import type { Hono } from 'hono';
import type { ResultEvent } from '../../batches/record/result-event.ts';
import type { ConsoleEnv } from './access/guard.ts';
import type { LedgerRecord } from '../../batches/record/record.ts';
import { batchForms, addBatchActions, everythingForms } from './actions/batch-actions.ts';
import { addBulkActions } from './actions/bulk-actions.ts';
import { addRecordActions, alertForm, recordForms } from './actions/record-actions.ts';
import { addRedrive, redriveForm, type RedriveDeps } from './actions/redrive.ts';
import { createErrorGroups } from './error-groups.ts';
import type { Live } from './live.ts';
import type { Notes } from './notes.ts';
import { alertsPage } from './pages/alerts.ts';
import { batchPage } from './pages/batch.ts';
import { batchesPage } from './pages/batches.ts';
import { deadLettersPage } from './pages/dead-letters.ts';
import { overviewPage, type OverviewDeps } from './pages/overview.ts';
import { recordPage } from './pages/record.ts';
import { recordsPage } from './pages/records.ts';
import { systemPage } from './pages/system.ts';
import { addDownloads } from './downloads.ts';
import { addApprovals, approvalForms, approvalsPage } from './pages/approvals.ts';
import { addUploads } from './actions/upload-actions.ts';
import type { UploadDeps } from './actions/uploaded.ts';
import { markup } from './markup.ts';
import { readFlag } from './query.ts';
import { page } from './routes.ts';

export interface PagesDeps extends OverviewDeps, RedriveDeps, UploadDeps {
  readonly live: Live;
  /** Result events since then, in milliseconds since the epoch. */
  readonly results: (since: number) => AsyncIterable<ResultEvent>;
}

export function addPages(app: Hono<ConsoleEnv>, notes: Notes, deps: PagesDeps): void {
  const errorGroups = createErrorGroups({ clock: { now: deps.now }, results: deps.results });
  page(app, notes, '/', ({ person }) => overviewPage(deps, (pauses) => everythingForms(person, pauses)));
  page(app, notes, '/batches', ({ query }) => batchesPage(deps, query));
  page(app, notes, '/batches/:id', ({ param, person }) =>
    batchPage(
      { ...deps, errorGroups, person },
      param('id'),
      (summary, pause) => markup`${approvalForms(person, summary)}${batchForms(person, summary, pause)}`,
    ),
  );
  page(app, notes, '/records', (visit) => recordsPage(deps, visit));
  page(app, notes, '/records/:id', ({ param, query, person }) => {
    const actions = (record: LedgerRecord) => recordForms(person, record, deps.now());
    return recordPage(deps, param('id'), { verify: readFlag(query, 'verify'), actions });
  });
  page(app, notes, '/alerts', ({ query, person }) => alertsPage(deps, query, (recordId) => alertForm(person, recordId)));
  page(app, notes, '/dead-letters', ({ query, person }) => deadLettersPage(deps.letters, query, (place) => redriveForm(person, place)));
  page(app, notes, '/system', () => systemPage(deps));
  app.get('/events', (c) => deps.live.open(c.req.raw.signal));
  addBatchActions(app, notes, deps);
  addRecordActions(app, notes, deps);
  addBulkActions(app, notes, deps);
  addRedrive(app, notes, deps);
  page(app, notes, '/approvals', ({ person }) => approvalsPage(deps, person));
  addApprovals(app, notes, deps);
  addUploads(app, notes, deps);
  addDownloads(app, deps);
}
