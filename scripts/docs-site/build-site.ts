/** The documentation as a static site: a page of each Markdown file, one stylesheet, one script, one search index. */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, posix, relative } from 'node:path';
import { escaped, renderMarkdown, type RenderedPage } from './markdown.ts';

/** Paths from the root of the repository; those that are not there are left out. */
const loosePages = ['README.md', 'SECURITY.md', 'CONTRIBUTING.md', 'CHANGELOG.md'];

/** In the order of the navigation; what is not in it comes after, by name. */
const order = ['README', 'docs/configuration', 'docs/csv', 'docs/spreadsheets', 'docs/operations', 'docs/console', 'docs/approval'];

interface Page extends RenderedPage {
  /** From the root of the repository. */
  readonly source: string;
  /** From the root of the site. */
  readonly path: string;
}

const policy =
  "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'";

/** @returns paths of what was written, from the root of the site */
export function buildSite({ root, out }: { readonly root: string; readonly out: string }): readonly string[] {
  const written = new Map<string, string>();
  const sources = pagesOf(root);
  const paths = new Map(sources.map((source) => [source, pathOf(source)]));
  const pages = sources.map((source): Page => {
    const path = pathOf(source);
    const link = linkFrom({ root, source, path, paths, copied: (from, to) => written.set(to, from) });
    return { source, path, ...renderMarkdown(readFileSync(join(root, source), 'utf8'), link) };
  });
  mkdirSync(out, { recursive: true });
  for (const [to, from] of written) {
    mkdirSync(dirname(join(out, to)), { recursive: true });
    cpSync(join(root, from), join(out, to));
  }
  for (const page of pages) {
    mkdirSync(dirname(join(out, page.path)), { recursive: true });
    writeFileSync(join(out, page.path), htmlOf(page, pages));
  }
  writeFileSync(join(out, 'search.json'), JSON.stringify(searchIndex(pages)));
  for (const name of ['style.css', 'search.js']) cpSync(join(import.meta.dirname, 'assets', name), join(out, name));
  return [...pages.map(({ path }) => path), ...written.keys(), 'search.json', 'style.css', 'search.js'];
}

function pagesOf(root: string): readonly string[] {
  const docs = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name.replaceAll('\\', '/')}`);
  const rank = (source: string): number => {
    const at = order.indexOf(source.slice(0, -'.md'.length));
    if (at !== -1) return at;
    return source.startsWith('docs/adr/') ? order.length + 2 : order.length + (source.startsWith('docs/') ? 0 : 1);
  };
  return [...loosePages.filter((name) => existsSync(join(root, name))), ...docs].sort(
    (one, other) => rank(one) - rank(other) || (one < other ? -1 : 1),
  );
}

/** The README is the first page, and `docs/` is the site itself. */
const pathOf = (source: string): string =>
  source === 'README.md'
    ? 'index.html'
    : source
        .replace(/^docs\//, '')
        .replace(/\.md$/, '.html')
        .toLowerCase();

interface LinkParams {
  readonly root: string;
  readonly source: string;
  readonly path: string;
  readonly paths: ReadonlyMap<string, string>;
  readonly copied: (from: string, to: string) => void;
}

/** Other files of the repository come along as they are; a folder, and what is not there, has no link. */
const linkFrom =
  ({ root, source, path, paths, copied }: LinkParams) =>
  (target: string): string | undefined => {
    if (/^(?:https?|mailto):/.test(target) || target.startsWith('#')) return target;
    const [file = '', anchor] = target.split('#');
    const wanted = posix.normalize(posix.join(posix.dirname(source), file));
    const to = (place: string): string => posix.relative(posix.dirname(path), place) + (anchor === undefined ? '' : `#${anchor}`);
    const page = paths.get(wanted);
    if (page !== undefined) return to(page);
    if (wanted.startsWith('..') || !existsSync(join(root, wanted)) || !statSync(join(root, wanted)).isFile()) return undefined;
    const copy = `files/${wanted.toLowerCase().replaceAll(/(^|\/)\.+/g, '$1')}`;
    copied(relative(root, join(root, wanted)), copy);
    return to(copy);
  };

function htmlOf(page: Page, pages: readonly Page[]): string {
  const up = '../'.repeat(page.path.split('/').length - 1);
  const toc = page.sections.filter(({ depth }) => depth === 2 || depth === 3);
  const item = ({ path, title }: Page): string =>
    `<li><a href="${up}${path}"${path === page.path ? ' aria-current="page"' : ''}>${escaped(title)}</a></li>`;
  const decisions = pages.filter(({ path }) => path.startsWith('adr/'));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="content-security-policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escaped(page.title === 'disburse' ? 'disburse' : `${page.title} - disburse`)}</title>
<link rel="stylesheet" href="${up}style.css">
<script src="${up}search.js" data-root="${up}" defer></script>
</head>
<body>
<a class="skip" href="#content">Skip to the content</a>
<header><a href="${up}index.html">disburse</a><search id="search"></search></header>
<div class="columns">
<nav aria-label="Pages">
<ul>${pages
    .filter(({ path }) => !path.startsWith('adr/'))
    .map(item)
    .join('\n')}</ul>
<details${page.path.startsWith('adr/') ? ' open' : ''}><summary>Decisions</summary><ul>${decisions.map(item).join('\n')}</ul></details>
</nav>
<main id="content">
${toc.length < 3 ? '' : contents(toc)}
${page.html}
</main>
</div>
</body>
</html>
`;
}

const contents = (toc: Page['sections']): string =>
  `<details class="contents"><summary>On this page</summary><ul>${toc
    .map(({ id, title, depth }) => `<li class="depth-${depth}"><a href="#${escaped(id)}">${escaped(title)}</a></li>`)
    .join('')}</ul></details>`;

/** One entry a section: address, page, heading, text. */
const searchIndex = (pages: readonly Page[]) =>
  pages.flatMap(({ path, title, sections }) =>
    sections.map(({ id, title: heading, depth, text }) => [depth === 1 ? path : `${path}#${id}`, title, depth === 1 ? '' : heading, text]),
  );
