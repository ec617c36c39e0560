/** `/upload`: choose a file, see what is found in it, hand it over. */
import { formatMinor } from '../../../batches/fields/money.ts';
import type { Inspection, BrokenFile } from '../../files/payout-file.ts';
import { report, brokenReport } from '../../files/validation-report.ts';
import { counted, grouped } from '../../terminal/format.ts';
import type { Person } from '../access/person.ts';
import type { Shown } from '../answers.ts';
import { hidden } from '../layout.ts';
import { at, markup, type Markup } from '../markup.ts';
import { dataTable } from '../pieces/table.ts';
import { facts, shortId, time, batchLink } from '../pieces/values.ts';
import type { BadRow } from '../uploads/review.ts';
import type { Upload } from '../uploads/store.ts';

/** @property why what keeps this console from paying; null when it pays */
export interface UploadState {
  readonly uploads: readonly Upload[];
  readonly failureOf: (id: string) => string | undefined;
  /** Names of the saved mappings. */
  readonly mappings: readonly string[];
}

export function uploadPage(person: Person, { uploads, failureOf, mappings }: UploadState): Shown {
  const items = uploads.map(({ id, name, by, at: since, handedOver, reading, needsMapping }) => ({
    id,
    file: name,
    by,
    at: since,
    handed_over: handedOver?.by ?? null,
    failure: failureOf(id) ?? null,
    mapping: reading.mapping?.name ?? null,
    needs_mapping: needsMapping !== undefined,
  }));
  return {
    title: 'Upload',
    json: { items },
    body: markup`<h1>Upload</h1>
${person.roles.has('operator') ? uploadForm(person, mappings) : markup`<p>Uploading a file takes an operator.</p>`}
<h2>Uploaded files</h2>
${dataTable({
  label: 'Uploaded files',
  columns: ['file', 'uploaded by', 'at', 'state'],
  rows: uploads.map(({ id, name, by, at: since, handedOver, needsMapping }) => {
    const failure = failureOf(id);
    return [
      markup`<a href="${at('upload', id)}">${name}</a>`,
      by,
      time(since),
      failure !== undefined
        ? markup`<span class="badge bad">not paid</span> ${failure}`
        : needsMapping !== undefined
          ? 'needs a mapping of its columns'
          : handedOver === null
            ? 'checked, not handed over'
            : `handed over by ${handedOver.by}`,
    ];
  }),
  empty: 'None. A file is kept here until its batch has ended.',
})}`,
  };
}

export const select = (label: string, name: string, choices: readonly (readonly [value: string, text: string])[]): Markup =>
  markup`<label>${label} <select name="${name}">${choices.map(([value, text]) => markup`<option value="${value}">${text}</option>`)}</select></label>`;

const uploadForm = (
  person: Person,
  mappings: readonly string[],
): Markup => markup`<form class="card" method="post" action="/upload" enctype="multipart/form-data">${hidden(person)}
<div class="drop"><label>File: CSV (also .gz) or workbook (.xlsx) <input type="file" name="file" accept=".csv,.gz,.xlsx,text/csv" required></label></div>
<details><summary>How it is read, and what you expect</summary><div class="fields">
${select('Encoding', 'encoding', [
  ['', 'detected'],
  ['utf-8', 'UTF-8'],
  ['windows-1252', 'Windows-1252'],
  ['iso-8859-15', 'ISO 8859-15'],
  ['utf-16le', 'UTF-16 LE'],
  ['utf-16be', 'UTF-16 BE'],
])}
${select('Delimiter', 'delimiter', [
  ['', 'detected'],
  ['comma', 'comma'],
  ['semicolon', 'semicolon'],
  ['tab', 'tab'],
])}
${select('Decimal sign of amount', 'decimal', [
  ['', 'point'],
  ['comma', 'comma'],
])}
<label>Sheet of a workbook <input name="sheet" autocomplete="off" placeholder="the first one"></label>
${select('Mapping of the columns', 'map', [['', 'none: the columns have our names'], ...mappings.map((name) => [name, name] as const)])}
<label>Expected totals <input name="expect" placeholder="EUR=12.30/3,USD=5/1" autocomplete="off"></label></div></details>
<p class="hint">Nothing is paid yet: the whole file is checked first.</p>
<button type="submit">Check the file</button></form>`;

export function brokenPage(broken: BrokenFile): Shown {
  const { file, problems, advice } = broken;
  return {
    title: `${file} cannot be paid`,
    json: brokenReport(broken),
    body: markup`<h1>${file}</h1>
<p class="verdict bad">The file has errors that block the whole of it. Nothing is paid from it until they are corrected.</p>
${problemsTable(problems)}
${advice === null ? null : markup`<p>${advice}</p>`}<p><a class="button" href="/upload">Upload the corrected file</a></p>`,
  };
}

export const problemsTable = (problems: BrokenFile['problems']): Markup =>
  dataTable({
    label: 'Errors of the file',
    columns: ['line', 'column', 'what to do', 'code'],
    rows: problems
      .slice(0, 200)
      .map(({ line, column, message, value, code }) => [
        line,
        column,
        markup`${message}${value === null ? null : markup` <code>${value}</code>`}`,
        markup`<code>${code}</code>`,
      ]),
  });

export interface Reviewed {
  readonly upload: Upload;
  readonly inspection: Inspection;
  readonly rows: readonly BadRow[];
  /** The ledger asks for a second person. */
  readonly needsApproval: boolean;
  readonly pays: string | null;
  readonly failure: string | undefined;
}

export function reviewPage(person: Person, reviewed: Reviewed): Shown {
  const { upload, inspection, rows, failure } = reviewed;
  const { preflight } = inspection;
  return {
    title: inspection.file,
    json: {
      ...report(inspection),
      upload: upload.id,
      handed_over: upload.handedOver?.by ?? null,
      mapping: upload.reading.mapping?.name ?? null,
    },
    body: markup`<h1>${inspection.file}</h1>
${preflight.errorsTotal === 0 ? markup`<p class="verdict good">Every row can be paid.</p>` : markup`<p class="verdict bad">${counted(preflight.invalid, 'row', 'rows')} cannot be paid.</p>`}
${failure === undefined ? null : markup`<p class="note bad">Not paid: ${failure}</p>`}
${facts([
  [
    'Rows',
    `${grouped(preflight.rows)}: ${grouped(preflight.valid)} valid, ${grouped(preflight.invalid)} invalid, ${counted(preflight.duplicates, 'duplicate', 'duplicates')}`,
  ],
  [
    'Read as',
    `${inspection.encoding}${inspection.sheet === undefined ? `, ${delimiterName(inspection.delimiter)}` : `, sheet ${inspection.sheet}`}${upload.reading.mapping === undefined ? '' : `, mapping ${upload.reading.mapping.name}`}`,
  ],
  ['Uploaded', markup`by ${upload.by}, ${time(upload.at)}`],
  ['Batch (SHA-256)', markup`<code class="long">${shortId(inspection.sha256)}</code>`],
])}
<h2>Totals</h2>
${dataTable({
  label: 'Totals by currency',
  columns: ['currency', 'rows', 'sum'],
  rows: [...preflight.totals].map(([currency, { count, amountMinor }]) => [
    currency,
    grouped(count),
    grouped(formatMinor(amountMinor, currency)),
  ]),
  right: new Set([1, 2]),
  empty: 'No row can be paid.',
})}
${badRows(reviewed, rows)}
${warnings(inspection)}
${upload.handedOver === null ? handOver(person, reviewed) : markup`<p class="note good">Handed over by ${upload.handedOver.by}: ${batchLink(inspection.sha256)}.</p>`}`,
  };
}

const delimiterName = (delimiter: string): string => ({ ',': 'comma', ';': 'semicolon', '\t': 'tab' })[delimiter] ?? delimiter;

/** Each bad row with the cells that are to be corrected; accounts are masked. */
function badRows({ upload, inspection }: Reviewed, rows: readonly BadRow[]): Markup {
  if (rows.length === 0) return markup``;
  const columns = [...new Set(rows.flatMap(({ problems }) => problems.map(({ column }) => column ?? '(row)')))];
  const cell = (row: BadRow, column: string): Markup => {
    const own = row.problems.filter((problem) => (problem.column ?? '(row)') === column);
    return markup`${own.map(({ value, message, code }) => markup`<strong>${value ?? '(empty)'}</strong> ${message} <code>${code}</code> `)}`;
  };
  const more = inspection.preflight.invalid - rows.length;
  return markup`<h2>Rows to correct</h2><div class="scroll" role="region" aria-label="Rows to correct" tabindex="0"><table>
<thead><tr><th scope="col">line</th><th scope="col">record</th><th scope="col" class="figure">amount</th>${columns.map((column) => markup`<th scope="col">${column}</th>`)}</tr></thead>
<tbody>${rows.map((row) => {
    const money = row.amount === null ? '' : `${row.amount.currency} ${grouped(formatMinor(row.amount.amountMinor, row.amount.currency))}`;
    const cells = columns.map((column) =>
      row.problems.some((problem) => (problem.column ?? '(row)') === column)
        ? markup`<td class="bad">${cell(row, column)}</td>`
        : markup`<td></td>`,
    );
    return markup`<tr><th scope="row">${row.line}</th><td>${row.recordId}</td><td class="figure">${money}</td>${cells}</tr>`;
  })}</tbody></table></div>
${more > 0 ? markup`<p>… and ${counted(more, 'row', 'rows')} more.</p>` : null}
<p><a href="${at('upload', upload.id, 'errors.csv')}" download>All rows to correct, as a file (CSV)</a>: correct them there and upload that file by itself.</p>`;
}

function warnings({ preflight }: Inspection): Markup {
  if (preflight.warningsTotal === 0) return markup``;
  return markup`<h2>Warnings</h2>${dataTable({
    label: 'Warnings',
    columns: ['line', 'column', 'what was found', 'code'],
    rows: preflight.warnings
      .slice(0, 50)
      .map(({ line, column, message, value, code }) => [
        line,
        column,
        markup`${message}${value === null ? null : markup` <code>${value}</code>`}`,
        markup`<code>${code}</code>`,
      ]),
  })}`;
}

function handOver(person: Person, { upload, inspection, needsApproval, pays }: Reviewed): Markup {
  if (!person.roles.has('operator')) return markup`<p>Handing it over takes an operator.</p>`;
  const discard = markup`<form method="post" action="${at('upload', upload.id, 'discard')}">${hidden(person)}<button type="submit" class="plain">Discard</button></form>`;
  if (pays !== null) return markup`<p class="note warn">${pays}</p>${discard}`;
  if (inspection.preflight.valid === 0) return markup`<p>There is nothing to pay in it.</p>${discard}`;
  const [title, button] = needsApproval ? ['Hand over for approval', 'Hand over for approval'] : ['Pay', 'Pay this file'];
  const about = needsApproval ? 'Nothing is sent before another person approves it.' : 'Its valid rows are sent at once.';
  return markup`<section aria-labelledby="hand-over"><h2 id="hand-over">${title}</h2>
<form class="act card" method="post" action="${at('upload', upload.id, 'submit')}">${hidden(person)}
<p class="hint">${about} Type the totals that you expect, from your own source: currency, sum, number of rows.</p>
<label>Expected totals <input name="expect" required autocomplete="off" placeholder="EUR=12.30/3,USD=5/1"></label>
${inspection.preflight.invalid === 0 ? null : markup`<fieldset><legend>Rows that cannot be paid</legend><label class="tick"><input type="radio" name="policy" value="skip" checked> are left out</label><label class="tick"><input type="radio" name="policy" value="all-or-nothing"> keep all others from being paid</label></fieldset>`}
<button type="submit">${button}</button></form>${discard}</section>`;
}
