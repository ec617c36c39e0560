/** `/upload/:id` of a file whose columns have names of their own: what each of them is, proposed, for a person to decide. */
import { maskName } from '../../../batches/instruction/masks.ts';
import { members } from '../../../batches/instruction/members.ts';
import type { BrokenFile } from '../../files/payout-file.ts';
import type { ProposedMapping } from '../../files/propose-for-file.ts';
import { brokenReport } from '../../files/validation-report.ts';
import type { Person } from '../access/person.ts';
import type { Shown } from '../answers.ts';
import { hidden } from '../layout.ts';
import { at, markup, type Markup } from '../markup.ts';
import { dataTable } from '../pieces/table.ts';
import { columnField } from '../uploads/propose.ts';
import type { Upload } from '../uploads/store.ts';
import { problemsTable, select } from './upload.ts';

export interface Unmapped {
  readonly upload: Upload;
  readonly broken: BrokenFile;
  readonly proposal: ProposedMapping;
  /** Names of the saved mappings. */
  readonly mappings: readonly string[];
}

const shown = (name: string): string => maskName(name.trim());

export function mappingPage(person: Person, unmapped: Unmapped): Shown {
  const { upload, broken, proposal, mappings } = unmapped;
  const { mapping, notes, isWhole } = proposal;
  const columns = Object.fromEntries(Object.entries(mapping.columns).map(([ours, theirs]) => [ours, shown(theirs)]));
  return {
    title: `${broken.file} needs a mapping`,
    json: { ...brokenReport(broken), upload: upload.id, proposal: { mapping: { ...mapping, columns }, notes, whole: isWhole } },
    body: markup`<h1>${broken.file}</h1>
<p class="verdict bad">The columns of this file have other names than ours. Nothing is paid from it until it has a mapping, which says what each column is.</p>
${person.roles.has('operator') ? forms(person, unmapped) : markup`<p>Choosing a mapping takes an operator.</p>`}
<details class="card"><summary>What is wrong without one</summary>${problemsTable(broken.problems)}</details>
${mappings.length === 0 || !person.roles.has('operator') ? null : savedForm(person, upload, mappings)}
${person.roles.has('operator') ? markup`<form method="post" action="${at('upload', upload.id, 'discard')}">${hidden(person)}<button type="submit" class="plain">Discard</button></form>` : null}`,
  };
}

function forms(person: Person, { upload, proposal }: Unmapped): Markup {
  const { header, mapping, notes, isWhole } = proposal;
  const oursOf = new Map(Object.entries(mapping.columns).map(([ours, theirs]) => [theirs.trim().toLowerCase(), ours]));
  const rows = header.map((theirs, index) => [shown(theirs), oursField(theirs, index, oursOf.get(theirs.trim().toLowerCase()))]);
  return markup`<section aria-labelledby="proposed"><h2 id="proposed">Proposed mapping</h2>
<p>${isWhole ? 'It has all that each row needs. Compare it before you accept it.' : 'It does not have all that each row needs: complete it before you accept it.'} <code>disburse map</code> proposes the same.</p>
${notes.length === 0 ? null : markup`<ul>${notes.map((note) => markup`<li>${note}</li>`)}</ul>`}
<form class="act card" method="post" action="${at('upload', upload.id, 'map')}">${hidden(person)}
${dataTable({ label: 'Columns of the file, and ours', columns: ['column of the file', 'our column'], rows })}
<div class="fields">
${decimalField(mapping.decimal)}
<label>Currency of all rows, if no column has it <input name="constant.currency" maxlength="3" autocomplete="off" placeholder="EUR"></label>
${select('Kind of all rows', 'constant.kind', [
  ['', 'payout, or as its column says'],
  ['payout', 'payout'],
  ['payment', 'payment'],
])}
<label>Save it under the name <input name="name" required maxlength="64" autocomplete="off" placeholder="bank"></label></div>
<button type="submit">Save the mapping and check the file</button></form></section>`;
}

/** Ours for one of their columns. */
function oursField(theirs: string, index: number, proposed: string | undefined): Markup {
  const known = members.map(({ name }) => String(name));
  const choices = proposed === undefined || known.includes(proposed) ? known : [proposed, ...known];
  return markup`<select name="${columnField(index)}" aria-label="Our column for ${shown(theirs)}"><option value="">left out</option>${choices.map((name) => markup`<option value="${name}"${name === proposed ? markup` selected` : null}>${name}</option>`)}</select>`;
}

const decimalField = (proposed: 'point' | 'comma' | undefined): Markup =>
  select(
    'Decimal sign of amount',
    'decimal',
    (
      [
        ['point', 'point'],
        ['comma', 'comma'],
      ] as const
    ).toSorted(([one]) => (one === (proposed ?? 'point') ? -1 : 1)),
  );

const savedForm = (person: Person, upload: Upload, mappings: readonly string[]): Markup =>
  markup`<form class="act card" method="post" action="${at('upload', upload.id, 'map')}">${hidden(person)}
${select(
  'Or read it with a saved mapping',
  'map',
  mappings.map((name) => [name, name] as const),
)}<button type="submit">Check the file with it</button></form>`;
