/** A file whose header does not fit gets a mapping: the one that a person made of the proposal, or one that is saved. */
import type { Mapping } from '../../../batches/csv-row/mapping.ts';
import { mappingNames } from '../../files/mapping-file.ts';
import { Refusal } from '../access/guard.ts';
import type { Person } from '../access/person.ts';
import type { Shown } from '../answers.ts';
import { at } from '../markup.ts';
import { mappingPage } from '../pages/mapping.ts';
import type { Doing, Done } from '../routes.ts';
import { mappingFrom, proposalFor } from '../uploads/propose.ts';
import { withMapping } from '../uploads/receive.ts';
import { readTotals } from '../uploads/review.ts';
import { checkMappingName, savedMapping, saveMapping } from '../uploads/save-mapping.ts';
import type { Upload } from '../uploads/store.ts';
import { journalled, neededField } from './act.ts';
import { found, whyUnreadable, type UploadDeps } from './uploaded.ts';

/** Undefined for a file that needs none. @throws {Refusal} */
export async function unmappedPage(deps: UploadDeps, person: Person, upload: Upload): Promise<Shown | undefined> {
  if (upload.needsMapping === undefined) return undefined;
  const [outcome, proposal] = [await deps.reviews.of(upload), await proposalFor(deps.store, upload)];
  if (outcome.ok) throw changed();
  if (proposal === undefined) throw new Refusal(409, 'file_broken', whyUnreadable(outcome.broken));
  return mappingPage(person, { upload, broken: outcome.broken, proposal, mappings: await mappingNames(deps.config.dataDir) });
}

const changed = (): Refusal => new Refusal(409, 'file_broken', 'The file cannot be read as it was when it was uploaded. Upload it again.');

export async function chooseMapping(deps: UploadDeps, { person, param, form }: Doing): Promise<Done> {
  const { store, reviews, config } = deps;
  const upload = await found(store, param('id'));
  const back = at('upload', upload.id);
  const asked = { by: person.name, from: person.from, reason: '' };
  const isSaved = form['map'] !== undefined;
  const name = checkMappingName(neededField(form, isSaved ? 'map' : 'name'));
  const work = async () => {
    const { needsMapping } = upload;
    if (needsMapping === undefined) {
      const text = `${upload.name} is read with ${upload.reading.mapping === undefined ? 'no mapping' : `the mapping ${upload.reading.mapping.name}`}, which stays. To read it in another way, discard it and upload it again.`;
      return { outcome: 'refused', text, data: { upload: upload.id } } as const;
    }
    const mapping = isSaved ? await savedMapping(name, config.dataDir) : await chosen(deps, upload, form);
    const { needsMapping: _none, ...rest } = upload;
    const mapped: Upload = { ...rest, reading: withMapping(rest.reading, name, mapping) };
    await checkFits(deps, mapped, needsMapping.expect);
    if (!isSaved) await saveMapping(name, mapping, config.dataDir);
    await store.save(mapped);
    reviews.forget(upload.id);
    return {
      outcome: 'done',
      text: `${upload.name} is read with the mapping ${name}.`,
      data: { upload: upload.id, mapping: name },
    } as const;
  };
  return { answer: await journalled(deps, asked, { action: 'map', about: upload.name, work }), back };
}

async function chosen({ store }: UploadDeps, upload: Upload, form: Doing['form']): Promise<Mapping> {
  const proposal = await proposalFor(store, upload);
  if (proposal === undefined) throw changed();
  return mappingFrom(form, proposal);
}

/** Before it is saved. @throws {Refusal} when the file cannot be read with it either */
async function checkFits({ reviews }: UploadDeps, mapped: Upload, expect: string): Promise<void> {
  const outcome = await reviews.check(mapped, expect === '' ? null : readTotals(expect));
  if (outcome.ok) return;
  const problems = outcome.broken.problems.slice(0, 20).map(({ message }) => message);
  throw new Refusal(422, 'mapping_misfit', `Nothing was saved: with this mapping the file cannot be paid. ${problems.join(' ')}`);
}
