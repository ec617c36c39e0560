// Flags words that read like a translation. Usage: node scripts/check-words.mjs [--count]
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const patterns = [
  'anew',
  'afresh',
  'mend(?:s|ed|ing)?',
  'dealt',
  'whoever',
  'nobody',
  'told of',
  'tells',
  'lies',
  'stands',
  'in hand',
  'befall(?:s|en)?',
  'heirs?',
  'for ever',
  'he',
  'him',
  'his',
  'put aside',
  'taken up',
  'begun',
  '(?:is|are) told',
  'the wire',
  'the heart',
  'trustworthy',
  '(?:is|are) passed over',
  'needs a look',
  'perhaps sent',
  '(?:our|the) set-up',
  'holds? against',
];
const flagged = new RegExp(`(?<![\\w.'-])(?:${patterns.join('|')})(?![\\w-])`, 'gi');

/** Names that programs outside rely on, and texts of others: file, pattern of the line, reason. */
const allowed = [
  [/^scripts\/check-words\.mjs$/, /./, 'the list itself'],
  [/^test\/scripts\/check-words\.unit\.test\.ts$/, /./, 'its negative control'],
  [/^LICENSE$/, /./, 'a licence'],
  [
    /^(?:batches|consumers|test)\//,
    /\bbegun\(|\bbegun: (?:null|\d)|\.begun\b|readonly begun\b|\{ begun\b/,
    'a member: the offset behind the last record that was started',
  ],
  [/^(?:src\/views\/topics\.ts|test\/|docs\/)/, /\bmend:|"mend"|`mend`|\bmend\?/, 'a member of `topics --json`'],
];

const read = /\.(?:ts|mjs|js|md|lua|ya?ml|json)$|Dockerfile$/;
const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { encoding: 'utf8' })
  .split('\n')
  .filter((file) => read.test(file) && file !== 'package-lock.json');

/** @returns {{file: string, line: number, word: string}[]} */
export function findWords(file, text) {
  return text.split('\n').flatMap((line, index) => {
    if (allowed.some(([where, what]) => where.test(file) && what.test(line))) return [];
    return [...line.matchAll(flagged)].map(([word]) => ({ file, line: index + 1, word: word.toLowerCase() }));
  });
}

const count = (found, key) => {
  const counts = new Map();
  for (const one of found) counts.set(key(one), (counts.get(key(one)) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a).map(([name, number]) => `${String(number).padStart(5)}  ${name}`);
};

if (process.argv[1] === import.meta.filename) {
  const found = files.flatMap((file) => findWords(file, readFileSync(file, 'utf8')));
  if (process.argv.includes('--count')) {
    const room = ({ file }) => file.split('/').slice(0, 2).join('/');
    const lines = [...count(found, ({ word }) => word), '', ...count(found, room), '', `${found.length} in all`];
    process.stdout.write(`${lines.join('\n')}\n`);
  } else {
    for (const { file, line, word } of found) process.stdout.write(`${file}:${line}: ${word}\n`);
    process.exitCode = found.length > 0 ? 1 : 0;
  }
}
