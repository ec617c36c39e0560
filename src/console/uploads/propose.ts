/** A mapping for an uploaded file whose header does not fit: what is proposed, and what a person made of it. */
import { parseMapping, type Mapping } from '../../../batches/csv-row/mapping.ts';
import { isNoHeader } from '../../../batches/preflight/header-diagnosis.ts';
import { StructuralError } from '../../../consumers/csv/structural-error.ts';
import type { BrokenFile } from '../../files/payout-file.ts';
import { proposeForFile, type ProposedMapping } from '../../files/propose-for-file.ts';
import { Refusal } from '../access/guard.ts';
import type { Form } from '../routes.ts';
import type { Upload, UploadStore } from './store.ts';

/** Errors of a header that other names of the columns may correct. */
const ofNames: ReadonlySet<string> = new Set([
  'header_missing',
  'header_unknown',
  'header_metadata_key',
  'header_error_not_last',
  'mapping_column_missing',
]);

export const mayNeedMapping = ({ problems }: BrokenFile): boolean => problems.length > 0 && problems.every(({ code }) => ofNames.has(code));

/** Undefined where a mapping does not help: the first line is no header, or none of its columns is known. */
export async function proposalFor(store: Pick<UploadStore, 'sourceOf'>, upload: Upload): Promise<ProposedMapping | undefined> {
  const { encoding, delimiter, sheet } = upload.reading;
  const { path, open } = store.sourceOf(upload);
  try {
    const found = await proposeForFile(path, { open, encoding, delimiter, sheet });
    return isNoHeader(found.header) ? undefined : found;
  } catch (cause) {
    if (cause instanceof StructuralError) return undefined;
    throw cause;
  }
}

/** Fields of the form that name a column of ours for one of theirs: `column.0` is about their first. */
export const columnField = (index: number): string => `column.${index}`;

/**
 * The mapping that a person chose: of each of their columns the one of ours, and what all rows have.
 *
 * @throws {Refusal}
 */
export function mappingFrom(form: Form, { header, mapping }: ProposedMapping): Mapping {
  const columns: Record<string, string> = {};
  header.forEach((theirs, index) => {
    const ours = (form[columnField(index)] ?? '').trim();
    if (ours === '') return;
    if (Object.hasOwn(columns, ours)) throw wrong(`${ours.slice(0, 80)} is chosen for two columns: keep one of them`);
    columns[ours] = theirs.trim();
  });
  const constants = Object.fromEntries(
    ['currency', 'kind'].map((name) => [name, (form[`constant.${name}`] ?? '').trim()] as const).filter(([, value]) => value !== ''),
  );
  const decimal = (form['decimal'] ?? '').trim();
  const found = parseMapping(JSON.stringify({ ...mapping, columns, constants, decimal: decimal === '' ? undefined : decimal }));
  if (found.ok) return found.mapping;
  throw wrong(found.problems.join('; '));
}

const wrong = (why: string): Refusal => new Refusal(422, 'mapping_wrong', `Nothing was saved: ${why}.`);
