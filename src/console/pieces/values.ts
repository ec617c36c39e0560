/** Single values as pages show them. */
import { isFinal, type Status } from '../../../batches/record/status.ts';
import { formatDuration } from '../../duration.ts';
import { grouped } from '../../terminal/format.ts';
import { at, markup, type Markup } from '../markup.ts';

/** In UTC; the script of the console adds the local time. */
export const time = (iso: string): Markup => markup`<time datetime="${iso}">${iso.slice(0, 10)} ${iso.slice(11, 19)}</time>`;

export const ago = (seconds: number): string => formatDuration(seconds * 1000);

/** Also in words: no status is known by its colour alone. */
export const badge = (status: string): Markup => markup`<span class="badge ${toneOf(status)}">${status.replaceAll('_', ' ')}</span>`;

const tones: Readonly<Record<string, string>> = {
  succeeded: 'good',
  finished: 'good',
  failed: 'bad',
  rejected: 'bad',
  conflict: 'bad',
  unknown: 'warn',
  stopped: 'warn',
  paused: 'warn',
  cancelled: 'off',
  duplicate: 'off',
};
const toneOf = (status: string): string => tones[status] ?? (status in isFinal && isFinal[status as Status] ? 'off' : 'open');

export const recordLink = (recordId: string): Markup => markup`<a href="${at('records', recordId)}">${recordId}</a>`;

/** Ids of files are hashes, of which a few digits are enough for people. */
export const shortId = (batchId: string): string => (/^[0-9a-f]{64}$/.test(batchId) ? batchId.slice(0, 12) : batchId);
export const batchLink = (batchId: string, text = shortId(batchId)): Markup => markup`<a href="${at('batches', batchId)}">${text}</a>`;

export const amounts = (totals: Readonly<Record<string, string>>): string =>
  Object.entries(totals)
    .map(([currency, amount]) => `${currency} ${grouped(amount)}`)
    .join(', ');

/** Pairs of a name and a value; what has no value is left out. */
export const facts = (pairs: readonly (readonly [name: string, value: Markup | string | number | null | undefined])[]): Markup =>
  markup`<dl class="facts">${pairs
    .filter(([, value]) => value !== null && value !== undefined && value !== '')
    .map(([name, value]) => markup`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;

/** A part of a page that is replaced while it is shown. */
export const live = (id: string, body: Markup): Markup => markup`<div id="${id}" data-live>${body}</div>`;
