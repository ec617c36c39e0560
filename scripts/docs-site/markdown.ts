/** The Markdown of the pages as HTML. Prettier, which formats them, also parses them: a tree as mdast describes it. */
import { parsers } from 'prettier/plugins/markdown';

interface Node {
  readonly type: string;
  readonly children?: readonly Node[];
  readonly value?: string;
  readonly url?: string;
  readonly alt?: string | null;
  readonly depth?: number;
  readonly ordered?: boolean;
  readonly start?: number | null;
  readonly lang?: string | null;
  readonly align?: readonly (string | null)[];
  readonly spread?: boolean;
}

/** What a heading begins: everything until the next heading. */
export interface Section {
  readonly id: string;
  readonly depth: number;
  readonly title: string;
  readonly text: string;
}

export interface RenderedPage {
  readonly title: string;
  readonly html: string;
  readonly sections: readonly Section[];
}

/** @param link where a target of the Markdown is on the site; undefined: nowhere, and its text is kept without a link */
export function renderMarkdown(markdown: string, link: (target: string) => string | undefined): RenderedPage {
  const root = (parsers.markdown.parse as (text: string, options: object) => Node)(markdown, {});
  const used = new Map<string, number>();
  const sections: { id: string; depth: number; title: string; texts: string[] }[] = [];
  const html = (root.children ?? []).map((node) => {
    if (node.type !== 'heading') {
      sections.at(-1)?.texts.push(textOf(node));
      return block(node, link);
    }
    const title = textOf(node);
    const id = anchorOf(title, used);
    sections.push({ id, depth: node.depth ?? 1, title, texts: [] });
    return `<h${node.depth} id="${escaped(id)}">${inlines(node, link)}</h${node.depth}>`;
  });
  return {
    title: sections.find(({ depth }) => depth === 1)?.title ?? '',
    html: html.join('\n'),
    sections: sections.map(({ texts, ...section }) => ({ ...section, text: texts.join(' ').replaceAll(/\s+/g, ' ').trim() })),
  };
}

type Link = (target: string) => string | undefined;

function block(node: Node, link: Link): string {
  const all = (): string => (node.children ?? []).map((child) => block(child, link)).join('\n');
  switch (node.type) {
    case 'paragraph':
      return `<p>${inlines(node, link)}</p>`;
    case 'heading':
      return `<h${node.depth}>${inlines(node, link)}</h${node.depth}>`;
    case 'code':
      // A wide block scrolls, by the keyboard too.
      return `<pre tabindex="0"><code>${escaped(node.value ?? '')}</code></pre>`;
    case 'blockquote':
      return `<blockquote>${all()}</blockquote>`;
    case 'thematicBreak':
      return '<hr>';
    case 'list': {
      const start = node.ordered === true && (node.start ?? 1) !== 1 ? ` start="${node.start}"` : '';
      const name = node.ordered === true ? 'ol' : 'ul';
      return `<${name}${start}>${(node.children ?? []).map((item) => listItem(item, link)).join('')}</${name}>`;
    }
    case 'table':
      return table(node, link);
    case 'html':
      // A comment is for the authors; anything else is shown as it is written.
      return /^<!--[\s\S]*-->$/.test(node.value ?? '') ? '' : `<p>${escaped(node.value ?? '')}</p>`;
    default:
      return node.children === undefined ? `<p>${inline(node, link)}</p>` : all();
  }
}

/** The paragraph of a short item needs no space around it. */
function listItem({ children = [] }: Node, link: Link): string {
  return `<li>${children.map((child, index) => (index === 0 && child.type === 'paragraph' ? inlines(child, link) : block(child, link))).join('\n')}</li>`;
}

function table({ children: [head, ...rows] = [], align = [] }: Node, link: Link): string {
  const side = (column: number): string => (align[column] === 'right' || align[column] === 'center' ? ` class="${align[column]}"` : '');
  const cells = (row: Node, name: 'th' | 'td'): string =>
    `<tr>${(row.children ?? [])
      .map((cell, column) => `<${name}${name === 'th' ? ' scope="col"' : ''}${side(column)}>${inlines(cell, link)}</${name}>`)
      .join('')}</tr>`;
  const header = head === undefined ? '' : `<thead>${cells(head, 'th')}</thead>`;
  return `<div class="wide" tabindex="0"><table>${header}<tbody>${rows.map((row) => cells(row, 'td')).join('')}</tbody></table></div>`;
}

const inlines = ({ children = [] }: Node, link: Link): string => children.map((child) => inline(child, link)).join('');

function inline(node: Node, link: Link): string {
  switch (node.type) {
    case 'text':
      return escaped(node.value ?? '');
    case 'inlineCode':
      return `<code>${escaped(node.value ?? '')}</code>`;
    case 'strong':
      return `<strong>${inlines(node, link)}</strong>`;
    case 'emphasis':
      return `<em>${inlines(node, link)}</em>`;
    case 'delete':
      return `<del>${inlines(node, link)}</del>`;
    case 'break':
      return '<br>';
    case 'link': {
      const href = link(node.url ?? '');
      return href === undefined ? inlines(node, link) : `<a href="${escaped(href)}">${inlines(node, link)}</a>`;
    }
    case 'image': {
      const src = link(node.url ?? '');
      return src === undefined ? escaped(node.alt ?? '') : `<img src="${escaped(src)}" alt="${escaped(node.alt ?? '')}" loading="lazy">`;
    }
    default:
      return node.children === undefined ? escaped(node.value ?? '') : inlines(node, link);
  }
}

const textOf = (node: Node): string => {
  if (node.type === 'html') return '';
  if (node.children === undefined) return node.value ?? node.alt ?? '';
  return node.children.map(textOf).join(node.type === 'tableRow' || node.type === 'table' || node.type === 'list' ? ' ' : '');
};

/** As GitHub makes them, so that the links of the pages lead to the same places. */
function anchorOf(title: string, used: Map<string, number>): string {
  const anchor = title
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
  const before = used.get(anchor) ?? 0;
  used.set(anchor, before + 1);
  return before === 0 ? anchor : `${anchor}-${before}`;
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
export const escaped = (text: string): string => text.replaceAll(/[&<>"']/g, (sign) => entities[sign] ?? sign);
