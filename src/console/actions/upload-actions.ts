/** Files by the browser: checked, handed over, or discarded. */
import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { Hono } from 'hono';
import pLimit from 'p-limit';
import { compareTotals } from '../../../batches/preflight/control-totals.ts';
import { mappingNames } from '../../files/mapping-file.ts';
import { writeFixFile } from '../../files/payout-file.ts';
import { Refusal, type ConsoleEnv } from '../access/guard.ts';
import { answer, wantsJson } from '../answers.ts';
import { at } from '../markup.ts';
import type { Notes } from '../notes.ts';
import { mappingPage } from '../pages/mapping.ts';
import { brokenPage, reviewPage, uploadPage } from '../pages/upload.ts';
import { action, checkRole, page, type Doing } from '../routes.ts';
import { receiveUpload } from '../uploads/receive.ts';
import { badRowsOf, readTotals } from '../uploads/review.ts';
import type { Upload } from '../uploads/store.ts';
import { journalled } from './act.ts';
import { chooseMapping, unmappedPage } from './mapping-actions.ts';
import { found, wholeOf, type UploadDeps } from './uploaded.ts';

export function addUploads(app: Hono<ConsoleEnv>, notes: Notes, deps: UploadDeps): void {
  const { store, reviews, payer } = deps;
  const failureOf = (id: string): string | undefined => payer?.failureOf(id);
  page(app, notes, '/upload', async ({ person }) =>
    uploadPage(person, { uploads: await store.list(), failureOf, mappings: await mappingNames(deps.config.dataDir) }),
  );
  app.post('/upload', async (c) => {
    const person = c.get('person');
    checkRole(person, 'operator');
    const { upload, outcome, proposal } = await receiveUpload(c, person, deps);
    if (!outcome.ok) {
      const { broken } = outcome;
      if (proposal === undefined) return answer(c, brokenPage(broken), notes, 422);
      const mappings = await mappingNames(deps.config.dataDir);
      return answer(c, mappingPage(person, { upload, broken, proposal, mappings }), notes, 422);
    }
    if (!wantsJson(c)) return c.redirect(at('upload', upload.id), 303);
    return answer(c, reviewPage(person, await reviewed(deps, upload)), notes);
  });
  page(app, notes, '/upload/:id', async ({ person, param }) => {
    const upload = await found(store, param('id'));
    return (await unmappedPage(deps, person, upload)) ?? reviewPage(person, await reviewed(deps, upload));
  });
  app.get('/upload/:id/errors.csv', async (c) => {
    checkRole(c.get('person'), 'operator');
    const inspection = await wholeOf(reviews, await found(store, c.req.param('id')));
    return sendFile(`${inspection.file.replace(/\.[^.]*$/, '')}.errors.csv`, async (path) => writeFixFile(inspection, path));
  });
  // Who submits twice at once hands over once.
  const oneAtATime = pLimit(1);
  action(app, notes, { path: '/upload/:id/submit', role: 'operator', run: (doing) => oneAtATime(() => handOver(deps, doing)) });
  action(app, notes, { path: '/upload/:id/map', role: 'operator', run: (doing) => oneAtATime(() => chooseMapping(deps, doing)) });
  action(app, notes, {
    path: '/upload/:id/discard',
    role: 'operator',
    run: async ({ person, param }) => {
      const upload = await found(store, param('id'));
      const asked = { by: person.name, from: person.from, reason: '' };
      const work = async () => {
        if (upload.handedOver !== null)
          return { outcome: 'refused', text: 'It was handed over: cancel its batch instead.', data: {} } as const;
        reviews.forget(upload.id);
        await store.remove(upload.id);
        return { outcome: 'done', text: `${upload.name} is discarded. Nothing of it was paid.`, data: { upload: upload.id } } as const;
      };
      return { answer: await journalled(deps, asked, { action: 'discard', about: upload.name, work }), back: '/upload' };
    },
  });
}

async function handOver(deps: UploadDeps, { person, param, form }: Doing) {
  const { store, reviews, payer, now } = deps;
  const upload = await found(store, param('id'));
  const inspection = await wholeOf(reviews, upload);
  const back = at('batches', inspection.sha256);
  if (payer === undefined) throw new Refusal(409, 'pays_elsewhere', `Nothing was done: ${deps.pays()}`);
  const policy = form['policy'] === 'all-or-nothing' ? 'all-or-nothing' : 'skip';
  const differences = compareTotals(readTotals(form['expect'] ?? ''), inspection.preflight.totals);
  if (differences.length > 0) throw new Refusal(422, 'totals_differ', `Nothing was done: the totals differ. ${differences.join(' ')}`);
  const asked = { by: person.name, from: person.from, reason: '' };
  const data = { batch_id: inspection.sha256, upload: upload.id };
  const work = async () => {
    if (upload.handedOver !== null)
      return { outcome: 'unchanged', text: `It was handed over before, by ${upload.handedOver.by}.`, data } as const;
    const handed: Upload = { ...upload, handedOver: { by: person.name, at: new Date(now()).toISOString(), policy } };
    // First: what is in the ledger must have its file when this process ends now.
    await store.save(handed);
    try {
      await payer.begin(handed, inspection);
    } catch (cause) {
      await store.save(upload);
      throw cause;
    }
    return { outcome: 'done', text: `${upload.name} is handed over.`, data } as const;
  };
  return { answer: await journalled(deps, asked, { action: 'submit', about: upload.name, work }), back };
}

async function reviewed(deps: UploadDeps, upload: Upload) {
  const inspection = await wholeOf(deps.reviews, upload);
  const gates = await deps.reader.read(({ ledger }) => ledger.gates()).catch(() => null);
  const needsApproval = (gates?.approval ?? deps.config.settings.APPROVAL) === 'required';
  const pays = deps.payer === undefined ? deps.pays() : null;
  return { upload, inspection, rows: await badRowsOf(inspection), needsApproval, pays, failure: deps.payer?.failureOf(upload.id) };
}

/** Written whole first, so that what fails is a page and not half a file. */
export async function sendFile(name: string, write: (path: string) => Promise<unknown>): Promise<Response> {
  const folder = await mkdtemp(join(tmpdir(), 'disburse-download-'));
  const path = join(folder, 'file');
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    await write(path);
    const stream = createReadStream(path);
    stream.once('close', () => void remove());
    const safe = encodeURIComponent(name.replace(/[^\w.() -]/g, '_'));
    return new Response(Readable.toWeb(stream) as ReadableStream, {
      headers: { 'content-type': 'text/csv; charset=utf-8', 'content-disposition': `attachment; filename*=UTF-8''${safe}` },
    });
  } catch (cause) {
    await remove();
    throw cause;
  }
}
