/** Every word that programs and people meet is told in the pages. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { transportCodes } from '../../batches/answer.ts';
import { members } from '../../batches/columns.ts';
import { answerCodes, decisions, gatewayCodes } from '../../batches/failure.ts';
import { kinds } from '../../batches/instruction.ts';
import { bankParticipants, routes } from '../../batches/routes.ts';
import { isFinal, isPublished, statuses } from '../../batches/status.ts';
import { routeNames } from '../../batches/templates.ts';
import { resultSchema } from '../../batches/result.ts';
import { summarySchema } from '../../batches/summary.ts';
import { exitCodes } from '../../src/exit.ts';
import { resultsCsvColumns } from '../../producers/results-csv.ts';
import { faultNames } from '../../sandbox/faults.ts';
import { names, page, pageNames, root, tableRow } from './pages.ts';

const readme = page('README.md');
const csv = page('docs/csv.md');
const results = page('docs/results.md');
const missingIn = (text: string, words: readonly string[]): readonly string[] => words.filter((word) => !names(text, word));

it.each(statuses)('the README tells the status %s, and whether it is final', (status) => {
  const [, final] = tableRow(readme, status) ?? [];
  expect(final).toBe(isFinal[status] ? 'yes' : 'no');
});

it.each(statuses)('docs/results.md tells whether %s has an event and is final', (status) => {
  const rows = results.split('\n').filter((line) => /^\|.*\| (yes|no) +\| (yes|no) +\|$/.test(line));
  const cells = rows.find((row) => names(row, status))?.split('|') ?? [];
  expect(cells.slice(2, 4).map((cell) => cell.trim())).toEqual([isPublished[status], isFinal[status]].map((is) => (is ? 'yes' : 'no')));
});

it.each(['README.md', 'docs/configuration.md'])('%s tells every exit code', (name) => {
  const told = [...page(name).matchAll(/^\| (\d) +\|/gm)].map(([, code]) => Number(code));
  expect(told).toEqual(Object.values(exitCodes).sort());
});

it('docs/results.md tells every member of results and summaries, and every column of the CSV', () => {
  expect(missingIn(results, [...Object.keys(resultSchema.shape), ...resultsCsvColumns])).toEqual([]);
  expect(Object.keys(summarySchema.shape).filter((name) => !results.includes(`"${name}":`))).toEqual([]);
});

it('every failure code is told in docs/results.md', () => {
  expect(missingIn(results, [...transportCodes, ...gatewayCodes, ...answerCodes])).toEqual([]);
});

it.each(gatewayCodes)('docs/results.md tells what is decided for %s, and docs/gateway.md knows it', (code) => {
  const beginnings = { setup: 'our set-up', refused: 'refused', open: 'open', arrived: 'it had arrived', person: '', not_sent: '' };
  const row = (text: string): string => text.split('\n').find((line) => /^\|.*\|$/.test(line) && names(line, code)) ?? '';
  expect(row(results.slice(results.indexOf('Codes of the gateway'))).startsWith(`| ${beginnings[decisions[code]]}`)).toBe(true);
  expect(row(page('docs/gateway.md'))).not.toBe('');
});

it('docs/sandbox.md tells every fault and nothing that is none', () => {
  const text = page('docs/sandbox.md');
  expect(faultNames.filter((name) => tableRow(text, name) === undefined)).toEqual([]);
});

describe('docs/csv.md', () => {
  it.each(members.map((member) => [member.name, member] as const))('tells the column %s and its paths', (name, member) => {
    const cells = tableRow(csv, name);
    expect(cells).toBeDefined();
    for (const { path } of member.places) expect(cells?.[1]).toContain(`\`${path}\``);
  });

  it('tells every route that has a template', () => {
    expect(
      missingIn(
        csv,
        kinds.flatMap(routeNames).filter((name) => name !== 'recurrent'),
      ),
    ).toEqual([]);
    expect(csv).toContain('`--kind payment --route card`');
    expect(csv).toContain('`--kind payment --route recurrent`');
  });

  it.each(routes.map((route) => [route.name, route] as const))('tells what the route %s needs', (name, route) => {
    const told = [name, `${name}-iban`].map((row) => tableRow(csv, row)?.[2] ?? '');
    for (const [at, form] of route.forms.entries()) expect(missingIn(told[at] ?? '', form.needs)).toEqual([]);
    const general = csv.split('\n').find((line) => line.startsWith('Every documented bank route')) ?? '';
    expect(missingIn(general, ['description', ...bankParticipants])).toEqual([]);
  });

  it('tells every problem code', () => {
    const codes = problemCodes();
    expect(codes.length).toBeGreaterThan(100);
    expect(missingIn(csv, codes)).toEqual([]);
  });
});

/** The codes in the sources, found by how they are written there. */
function problemCodes(): readonly string[] {
  const files = [...globSync('batches/*.ts', { cwd: root }), ...globSync('consumers/**/*.ts', { cwd: root }), 'src/payout-file.ts'];
  const patterns = [
    /\b(?:fault|structural|checkWord|accountType)\(\s*(?:[^'"`;]*?,\s*)?'([a-z]+(?:_[a-z0-9]+)+)'/g,
    /\bcode: '([a-z]+(?:_[a-z0-9]+)+)'/g,
    // The grammar's messages are keyed by their codes.
    /^ {2}((?:quote|line|nul)_[a-z_]+):/gm,
  ];
  const found = files.flatMap((file) => {
    const text = readFileSync(join(root, file), 'utf8');
    return patterns.flatMap((pattern) => [...text.matchAll(pattern)].map(([, code = '']) => code));
  });
  return [...new Set(found)].filter((code) => !elsewhere.has(code)).sort();
}

/** Reasons of records, told in docs/results.md. */
const elsewhere = new Set(['account_type', 'amount_missing', 'evidence_mismatch', 'send_interrupted', 'waits_for_person']);

it('reasons of records are told in docs/results.md', () => {
  expect(missingIn(results, ['amount_missing', 'evidence_mismatch', 'send_interrupted', 'waits_for_person'])).toEqual([]);
});

it.each(pageNames)('%s: relative links lead somewhere', (name) => {
  const wrong = [...page(name).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/.test(target))
    .filter((target) => !leadsSomewhere(name, target));
  expect(wrong).toEqual([]);
});

function leadsSomewhere(from: string, target: string): boolean {
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? from : join(from, '..', path);
  // A folder is fine too.
  if (globSync(file, { cwd: root }).length === 0) return false;
  return anchor === undefined || headings(page(file)).includes(anchor);
}

/** As GitHub makes anchors of them. */
const headings = (text: string): readonly string[] =>
  [...text.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
