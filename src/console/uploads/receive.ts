/** `POST /upload`: the form with a file, from its bytes to what was found in the file. */
import type { InspectionOutcome } from '../../files/payout-file.ts';
import { checkForm, Refusal, type ConsoleContext } from '../access/guard.ts';
import type { Person } from '../access/person.ts';
import type { Mapping } from '../../../batches/csv-row/mapping.ts';
import type { Config } from '../../config/config.ts';
import { mappingConflict } from '../../files/mapping-file.ts';
import type { ProposedMapping } from '../../files/propose-for-file.ts';
import { mayNeedMapping, proposalFor } from './propose.ts';
import { savedMapping } from './save-mapping.ts';
import { boundaryOf, readMultipart } from './multipart.ts';
import { readTotals, type Reviews } from './review.ts';
import type { Upload, UploadReading, UploadStore } from './store.ts';

export interface Received {
  readonly upload: Upload;
  readonly outcome: InspectionOutcome;
  /** For a file that is kept until it has a mapping. */
  readonly proposal?: ProposedMapping;
}

interface ReceiveDeps {
  readonly store: UploadStore;
  readonly reviews: Reviews;
  readonly now: () => number;
  readonly config: Pick<Config, 'dataDir'>;
}

/**
 * A file that has errors as a whole is not kept, unless a mapping can correct them.
 *
 * @throws {Refusal}
 */
export async function receiveUpload(c: ConsoleContext, person: Person, { store, reviews, now, config }: ReceiveDeps): Promise<Received> {
  const fields = new Map<string, string>();
  let received: Awaited<ReturnType<UploadStore['receive']>> | undefined;
  try {
    const boundary = boundaryOf(c.req.header('content-type') ?? '');
    const body = (c.req.raw.body as AsyncIterable<Uint8Array> | null) ?? [];
    await readMultipart(toIterable(body), boundary, {
      field: (name, value) => void fields.set(name, value),
      async file(name, fileName) {
        // Before a byte of the file is written.
        checkForm(person, fields.get('csrf'));
        if (name !== 'file' || received !== undefined) throw new Refusal(400, 'one_file', 'Expected one file, in the field "file".');
        received = await store.receive(fileName);
        return received.sink;
      },
    });
    checkForm(person, fields.get('csrf'));
    if (received === undefined || received.bytes() === 0)
      throw new Refusal(422, 'no_file', 'Choose a file: none was sent, or it is empty.');
    const { id, name } = received;
    const reading = await readingOf(fields, config.dataDir);
    const upload: Upload = { id, name, sealed: true, reading, by: person.name, at: new Date(now()).toISOString(), handedOver: null };
    const expect = fields.get('expect')?.trim() ?? '';
    const outcome = await reviews.check(upload, expect === '' ? null : readTotals(expect));
    if (outcome.ok) await store.save(upload);
    else {
      const proposal = mayNeedMapping(outcome.broken) ? await proposalFor(store, upload) : undefined;
      if (proposal === undefined) await store.remove(id);
      else {
        const waiting = { ...upload, needsMapping: { expect } };
        await store.save(waiting);
        return { upload: waiting, outcome, proposal };
      }
    }
    return { upload, outcome };
  } catch (cause) {
    await received?.abandon();
    throw cause;
  }
}

async function* toIterable(body: AsyncIterable<Uint8Array> | readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* body;
}

/** What is left empty is detected. @throws {Refusal} */
async function readingOf(fields: ReadonlyMap<string, string>, dataDir: string): Promise<UploadReading> {
  const given = (name: string): string | undefined => {
    const value = fields.get(name)?.trim() ?? '';
    return value === '' ? undefined : value;
  };
  const [encoding, delimiter, decimal, sheet] = [given('encoding'), delimiterOf(given('delimiter')), given('decimal'), given('sheet')];
  const map = given('map');
  if (decimal !== undefined && decimal !== 'point' && decimal !== 'comma')
    throw new Refusal(422, 'wrong_parameter', 'The field decimal: expected point or comma.');
  const reading: UploadReading = {
    ...(encoding === undefined ? {} : { encoding }),
    ...(delimiter === undefined ? {} : { delimiter }),
    ...(decimal === undefined ? {} : { decimal }),
    ...(sheet === undefined ? {} : { sheet }),
  };
  return map === undefined ? reading : withMapping(reading, map, await savedMapping(map, dataDir));
}

/** @throws {Refusal} when what is asked for contradicts the mapping */
export function withMapping(reading: UploadReading, name: string, mapping: Mapping): UploadReading {
  const conflict = mappingConflict(mapping, reading);
  if (conflict === null) return { ...reading, mapping: { name, text: JSON.stringify({ version: 1, ...mapping }) } };
  const { name: field, stated, given } = conflict;
  throw new Refusal(
    422,
    'mapping_contradicts',
    `The field ${field} is ${JSON.stringify(given)}, and the mapping ${name} says ${JSON.stringify(stated)}: leave the field as it is detected.`,
  );
}

const delimiterOf = (name: string | undefined): string | undefined =>
  name === 'comma' ? ',' : name === 'semicolon' ? ';' : name === 'tab' ? '\t' : name;
