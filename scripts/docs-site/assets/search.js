/* global document, fetch, URL, location */
// Search in the pages, over one index that is loaded when the field is used first. Pages are complete without it.
const root = document.currentScript.dataset.root;
const shown = 20;
const field = document.createElement('input');
field.type = 'search';
field.placeholder = 'Search the documentation';
field.setAttribute('aria-label', 'Search the documentation');
field.autocomplete = 'off';
const found = document.createElement('div');
found.className = 'found';
found.hidden = true;
document.getElementById('search').append(field, found);

let index;
const load = () =>
  (index ??= fetch(`${root}search.json`)
    .then((answer) => answer.json())
    .then((entries) => entries.map((entry) => ({ entry, text: entry.slice(1).join(' ').toLowerCase() }))));

/** All words must occur; one in a title counts most. */
const rank = ([, page, heading], text, words) => {
  let sum = 0;
  for (const word of words) {
    if (!text.includes(word)) return 0;
    if (heading.toLowerCase().includes(word)) sum += 10;
    else if (page.toLowerCase().includes(word)) sum += 5;
    else sum += 1;
  }
  return sum;
};

const marked = (text, word) => {
  const at = text.toLowerCase().indexOf(word);
  if (at === -1) return [text.slice(0, 140)];
  const from = Math.max(0, at - 60);
  const mark = document.createElement('mark');
  mark.textContent = text.slice(at, at + word.length);
  return [(from > 0 ? '…' : '') + text.slice(from, at), mark, text.slice(at + word.length, at + 100)];
};

const row = ([path, page, heading, text], words) => {
  const link = document.createElement('a');
  link.href = new URL(root + path, location.href).href;
  link.append(heading === '' ? page : `${page}: ${heading}`);
  const piece = document.createElement('span');
  piece.append(...marked(text, words.find((word) => text.toLowerCase().includes(word)) ?? ''));
  link.append(piece);
  const item = document.createElement('li');
  item.append(link);
  return item;
};

const show = async () => {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  found.hidden = words.length === 0;
  if (words.length === 0) return;
  const asked = field.value;
  const entries = await load().catch(() => {
    index = undefined;
    return [];
  });
  if (asked !== field.value) return;
  const hits = entries
    .map(({ entry, text }) => ({ entry, rank: rank(entry, text, words) }))
    .filter((hit) => hit.rank > 0)
    .sort((one, other) => other.rank - one.rank);
  const count = document.createElement('p');
  count.setAttribute('role', 'status');
  count.textContent =
    hits.length === 0 ? 'Nothing was found.' : `${hits.length} found${hits.length > shown ? `, the first ${shown} are shown` : ''}`;
  const list = document.createElement('ol');
  list.append(...hits.slice(0, shown).map(({ entry }) => row(entry, words)));
  found.replaceChildren(count, list);
};

field.addEventListener('input', () => void show());
field.addEventListener('focus', () => void load());
document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') {
    found.hidden = true;
  } else if (event.key === '/' && document.activeElement === document.body) {
    event.preventDefault();
    field.focus();
  }
});
