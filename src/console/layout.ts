/** What is around every page. */
import { version } from '../version.ts';
import type { Person } from './access/person.ts';
import { markup, type Markup, type Piece } from './markup.ts';

/** @property title without the name of the program */
export interface Page {
  readonly title: string;
  readonly body: Markup;
}

const links: readonly (readonly [path: string, text: string])[] = [
  ['/', 'Overview'],
  ['/batches', 'Batches'],
  ['/records', 'Records'],
  ['/upload', 'Upload'],
  ['/approvals', 'Approvals'],
  ['/alerts', 'Alerts'],
  ['/dead-letters', 'Dead letters'],
  ['/system', 'System'],
];

/** @property note what an action has just done @property person absent before the login */
export interface Around {
  readonly path: string;
  readonly person?: Person;
  readonly notes?: readonly Markup[];
}

export function document({ title, body }: Page, { path, person, notes = [] }: Around): Markup {
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} - disburse</title>
<link rel="icon" href="/assets/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/assets/console.css">
<script src="/assets/console.js" defer></script>
</head>
<body>
<a class="skip" href="#main">Skip to content</a>
<header>
<p class="brand"><a href="/">disburse</a></p>
${person === undefined ? null : navigation(path)}
${person === undefined ? null : identity(person)}
</header>
<main id="main" tabindex="-1">
<div id="notes" role="status" aria-live="polite">${notes}</div>
${body}
</main>
<footer><p>disburse ${version}. Times are in UTC.</p></footer>
</body>
</html>
`;
}

const isCurrent = (path: string, link: string): boolean => (link === '/' ? path === '/' : path === link || path.startsWith(`${link}/`));

const navigation = (path: string): Markup =>
  markup`<nav aria-label="Main"><ul>${links.map(
    ([link, text]) => markup`<li><a href="${link}"${isCurrent(path, link) ? markup` aria-current="page"` : null}>${text}</a></li>`,
  )}</ul></nav>`;

const identity = (person: Person): Markup =>
  markup`<form class="identity" method="post" action="/logout"><span><strong>${person.name}</strong> <small>${[...person.roles].join(', ')}</small></span>
${hidden(person)}<button type="submit" class="plain">Log out</button></form>`;

/** Without it a form is refused. */
export const hidden = (person: Person): Markup => markup`<input type="hidden" name="csrf" value="${person.form}">`;

export const note = (kind: 'good' | 'bad', text: Piece): Markup => markup`<p class="note ${kind}">${text}</p>`;
