/** Every word that programs and people meet is described in the pages. */
import { parkingCodes } from '../../batches/record/parking.ts';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { transportCodes } from '../../batches/gateway/gateway-response.ts';
import { members } from '../../batches/instruction/members.ts';
import { readInstructionEvent } from '../../batches/event/parse-event.ts';
import { responseCodes, failureClass, gatewayCodes } from '../../batches/gateway/failure-codes.ts';
import { kinds } from '../../batches/instruction/instruction.ts';
import { bankParticipants, routes } from '../../batches/instruction/routes.ts';
import { differentCodes } from '../../batches/reconciliation/match-report.ts';
import { isFinal, isPublished, statuses } from '../../batches/record/status.ts';
import { routeNames } from '../../batches/instruction/templates.ts';
import { resultSchema } from '../../batches/record/result-event.ts';
import { summarySchema } from '../../batches/record/summary.ts';
import { isPayoutName, readyMarker, siblings } from '../../consumers/drop-folder/names.ts';
import { readMessage } from '../../batches/event/read-message.ts';
import { systemClock } from '../../src/clock.ts';
import { declarations } from '../../src/command-line/declarations.ts';
import { exitCodes } from '../../src/exit.ts';
import { callOutcomes, createMetrics, gatewayCalls } from '../../src/service/metrics.ts';
import { topicNames } from '../../src/kafka/topic-plan.ts';
import { resultsCsvColumns } from '../../producers/results-csv.ts';
import { faultNames } from '../../sandbox/faults.ts';
import { names, page, pageNames, root, tableRow } from './pages.ts';

const readme = page('README.md');
const csv = page('docs/csv.md');
const spreadsheets = page('docs/spreadsheets.md');
const results = page('docs/results.md');
const operations = page('docs/operations.md');
const distributed = page('docs/distributed.md');
const source = (path: string): string => readFileSync(join(root, path), 'utf8');
const missingIn = (text: string, words: readonly string[]): readonly string[] => words.filter((word) => !names(text, word));

it.each(statuses)('the README lists the status %s, and whether it is final', (status) => {
  const [, final] = tableRow(readme, status) ?? [];
  expect(final).toBe(isFinal[status] ? 'yes' : 'no');
});

it.each(statuses)('docs/results.md says whether %s has an event and is final', (status) => {
  const rows = results.split('\n').filter((line) => /^\|.*\| (yes|no) +\| (yes|no) +\|$/.test(line));
  const cells = rows.find((row) => names(row, status))?.split('|') ?? [];
  expect(cells.slice(2, 4).map((cell) => cell.trim())).toEqual([isPublished[status], isFinal[status]].map((is) => (is ? 'yes' : 'no')));
});

it.each(['README.md', 'docs/configuration.md'])('%s lists every exit code', (name) => {
  const told = [...page(name).matchAll(/^\| (\d) +\|/gm)].map(([, code]) => Number(code));
  expect(told).toEqual(Object.values(exitCodes).sort());
});

it('docs/results.md lists every member of results and summaries, and every column of the CSV', () => {
  expect(missingIn(results, [...Object.keys(resultSchema.shape), ...resultsCsvColumns])).toEqual([]);
  expect(Object.keys(summarySchema.shape).filter((name) => !results.includes(`"${name}":`))).toEqual([]);
});

it('every failure code is described in docs/results.md', () => {
  expect(missingIn(results, [...transportCodes, ...gatewayCodes, ...responseCodes])).toEqual([]);
});

it.each(gatewayCodes)('docs/results.md says what is decided for %s, and docs/gateway.md knows it', (code) => {
  const beginnings = {
    config_error: 'configuration rejected',
    refused: 'refused',
    open: 'open',
    already_received: 'it had arrived',
    underfunded: 'the batch waits for money',
    manual_review: '',
    not_sent: '',
  };
  const row = (text: string): string => text.split('\n').find((line) => /^\|.*\|$/.test(line) && names(line, code)) ?? '';
  expect(row(results.slice(results.indexOf('Codes of the gateway'))).startsWith(`| ${beginnings[failureClass[code]]}`)).toBe(true);
  expect(row(page('docs/gateway.md'))).not.toBe('');
});

it('docs/sandbox.md lists every fault and nothing else', () => {
  const text = page('docs/sandbox.md');
  expect(faultNames.filter((name) => tableRow(text, name) === undefined)).toEqual([]);
});

describe('docs/csv.md', () => {
  it.each(members.map((member) => [member.name, member] as const))('describes the column %s and its paths', (name, member) => {
    const cells = tableRow(csv, name);
    expect(cells).toBeDefined();
    for (const { path } of member.places) expect(cells?.[1]).toContain(`\`${path}\``);
  });

  it('describes every route that has a template', () => {
    expect(
      missingIn(
        csv,
        kinds.flatMap(routeNames).filter((name) => name !== 'recurrent'),
      ),
    ).toEqual([]);
    expect(csv).toContain('`--kind payment --route card`');
    expect(csv).toContain('`--kind payment --route recurrent`');
  });

  it.each(routes.map((route) => [route.name, route] as const))('describes what the route %s needs', (name, route) => {
    const told = [name, `${name}-iban`].map((row) => tableRow(csv, row)?.[2] ?? '');
    for (const [at, form] of route.forms.entries()) expect(missingIn(told[at] ?? '', form.needs)).toEqual([]);
    const general = csv.split('\n').find((line) => line.startsWith('Every documented bank route')) ?? '';
    expect(missingIn(general, ['description', ...bankParticipants])).toEqual([]);
  });

  it('describes every problem code', () => {
    const codes = problemCodes();
    expect(codes.length).toBeGreaterThan(100);
    expect(missingIn(`${csv}\n${spreadsheets}`, codes)).toEqual([]);
  });
});

/** The codes in the sources, found by how they are written there. */
function problemCodes(): readonly string[] {
  const files = [
    ...globSync('batches/{fields,instruction,csv-row,event,preflight,record}/*.ts', { cwd: root }),
    ...globSync('consumers/**/*.ts', { cwd: root, exclude: ['consumers/gateway-report/*.ts'] }),
    'src/files/payout-file.ts',
    'src/files/file-problems.ts',
    'src/files/rejected-rows.ts',
  ];
  return codesIn(files).filter((code) => !elsewhere.has(code));
}

function codesIn(files: readonly string[]): readonly string[] {
  const patterns = [
    /\b(?:violation|structural|checkWord|accountType)\(\s*(?:[^'"`;]*?,\s*)?'([a-z]+(?:_[a-z0-9]+)+)'/g,
    /\bcode: '([a-z]+(?:_[a-z0-9]+)+)'/g,
    // The grammar's messages are keyed by their codes.
    /^ {2}((?:quote|line|nul)_[a-z_]+):/gm,
    /\bunreadable\(columns\.[^'"`;]*'([a-z_]+)'/g,
  ];
  const found = files.flatMap((file) => {
    const text = readFileSync(join(root, file), 'utf8');
    return patterns.flatMap((pattern) => [...text.matchAll(pattern)].map(([, code = '']) => code));
  });
  return [...new Set(found)].sort();
}

it('docs/gateway.md describes every code of the daily payouts report', () => {
  const files = [...globSync('consumers/gateway-report/*.ts', { cwd: root }), 'consumers/workbook/faults.ts'];
  const codes = [...codesIn(files), ...differentCodes];
  expect(codes).toEqual(expect.arrayContaining(['workbook_encrypted', 'column_missing', 'cell_count', 'type_of_payment', 'other_session']));
  expect(missingIn(page('docs/gateway.md'), codes)).toEqual([]);
});

/** Reasons of records, told in docs/results.md. */
const reasons = [
  'action_required',
  'amount_missing',
  'end_lost',
  'evidence_mismatch',
  'possible_double_payment',
  'send_interrupted',
  'session_unproven',
  'waits_for_person',
];
const elsewhere = new Set(['account_type', 'cancelled_by_operator', 'resolved_by_operator', ...parkingCodes, ...reasons]);

it('reasons of records are described in docs/results.md', () => {
  expect(missingIn(results, [...reasons, ...parkingCodes, 'retried', 'cancelled_by_operator', 'resolved_by_operator'])).toEqual([]);
});

describe('commands', () => {
  it.each(declarations.map(({ name }) => name))('%s is described in the README and in docs/configuration.md', (command) => {
    expect(readme.split('\n').some((line) => line.startsWith(`| \`${command}`))).toBe(true);
    expect(page('docs/configuration.md')).toMatch(new RegExp(`^### (?:.*, )?${command}\\b`, 'm'));
  });
});

describe('dead letters in docs/results.md', () => {
  const letters = results.slice(results.indexOf('## Dead letters'));
  const message = (value: unknown) => ({
    topic: 't',
    partition: 0,
    offset: 0n,
    timestamp: 0,
    key: null,
    value: Buffer.from(JSON.stringify(value)),
    headers: {},
  });
  const reasonFor = (value: unknown): string | undefined => {
    const reading = readMessage(message(value), {
      now: 0,
      open: () => {
        throw new Error('nothing is sealed here');
      },
    });
    return reading.type === 'dead' ? reading.reason : undefined;
  };

  it('tell every reason that the code gives by name', () => {
    const text = source('batches/event/read-message.ts') + source('consumers/kafka/poison-batch.ts');
    const [, list = ''] = /deadCodes = new Set\(\[([^\]]*)\]\)/.exec(text) ?? [];
    const given = [...text.matchAll(/(?:\bdead\(|\breason: )'([a-z_0-9]+)'/g), ...list.matchAll(/'([a-z_]+)'/g)].map(
      ([, reason = '']) => reason,
    );
    expect(given).toEqual(expect.arrayContaining(['null_value', 'bad_headers', 'unreadable_batch', 'unknown_member']));
    expect(missingIn(letters, given)).toEqual([]);
  });

  it('tell every reason of a record id that cannot be used', () => {
    const odd = [undefined, null, '', 5, {}, ' ', ' a', 'a b', 'a\u0000', 'a\u200b', '\ufffd', '\ud800', 'é', 'x'.repeat(70)];
    const ids = [...odd, '4111111111111111', "'a", '=1+1', '#REF!', '1.2E+10'];
    const reasons = ids.map((id) => reasonFor({ ...(id === undefined ? {} : { record_id: id }), kind: 'payout' }));
    expect(reasons).not.toContain(undefined);
    expect(missingIn(letters, reasons as string[])).toEqual([]);
  });

  it('tell every header', () => {
    const text = source('producers/dead-letters.ts');
    const headers = ['reason', 'message', 'source_topic', 'source_partition', 'source_offset', 'failed_at', 'truncated'];
    expect(headers.filter((name) => !new RegExp(`^\\s*(?:return .*)?${name}(?::|,)|[ {]${name}:`, 'm').test(text))).toEqual([]);
    expect(missingIn(letters, [...headers, 'original_'])).toEqual([]);
  });
});

describe('docs/operations.md', () => {
  const { register } = createMetrics({ version: '0.0.0', clock: systemClock, processMetrics: false });

  it.each(register.getMetricsAsArray().map(({ name }) => name))('describes the metric %s in its table', (name) => {
    expect(tableRow(operations, name)).toHaveLength(4);
  });

  it('describes no metric that does not exist', () => {
    const known = new Set(register.getMetricsAsArray().map(({ name }) => name));
    const told = [...operations.matchAll(/`(disburse_[a-z_]+)/g)].map(([, name = '']) => name);
    expect(told.filter((name) => !known.has(name))).toEqual([]);
  });

  it('describes how calls are labelled', () => {
    const told = tableRow(operations, 'disburse_gateway_calls_total')?.join() ?? '';
    expect(missingIn(told, [...gatewayCalls, ...callOutcomes])).toEqual([]);
  });

  it('describes every HTTP path', () => {
    const paths = [...source('src/service/http/routes.ts').matchAll(/^\s*\['(\/[a-z/-]+)', \{/gm)].map(([, path = '']) => path);
    expect(paths).toContain('/readyz');
    expect(paths.filter((path) => !new RegExp(`\`(?:GET|POST) ${path}\``).test(operations))).toEqual([]);
  });

  it('lists what is in and beside the drop folder', () => {
    expect(siblings.filter((sibling) => tableRow(operations, `<name>.${sibling}`) === undefined)).toEqual([]);
    expect(names(operations, readyMarker('<name>'))).toBe(true);
    expect(['a.csv', 'a.CSV', 'a.csv.gz', 'a.xlsx'].every(isPayoutName)).toBe(true);
    expect(['.a.csv', 'a.csv.part', 'a.csv.tmp', '~$a.xlsx'].some(isPayoutName)).toBe(false);
    expect(missingIn(operations, ['.csv', '.csv.gz', '.xlsx', '.part', '.tmp'])).toEqual([]);
  });
});

describe('docs/distributed.md', () => {
  it('describes every topic', () => {
    expect(missingIn(distributed, Object.values(topicNames('<prefix>')))).toEqual([]);
  });

  it('shows events that would be paid', () => {
    const [, json = ''] = /^```json\n([^]*?)^```$/m.exec(distributed) ?? [];
    const [, line = ''] = /^echo 'inv-7\|(\{.*\})' \|$/m.exec(distributed) ?? [];
    for (const event of [json, line])
      expect(readInstructionEvent(JSON.parse(event), { now: Date.UTC(2026, 10, 21) })).toMatchObject({ ok: true });
  });

  it('describes which groups need rights', () => {
    const files = [...globSync('src/**/*.ts', { cwd: root })].map(source).join('\n');
    const groups = [...files.matchAll(/groupPrefix: '([a-z-]+)'/g)].map(([, group = '']) => group);
    expect(groups.length).toBeGreaterThan(0);
    expect([...new Set(groups)].filter((group) => !names(distributed, `${group}-`))).toEqual([]);
  });

  it('describes the headers of messages that run publishes', () => {
    const [, list = ''] = /headers: \{ (source_file[^}]*) \}/.exec(source('batches/pipeline/enqueue-file.ts')) ?? [];
    const headers = [...list.matchAll(/([a-z_]+): /g)].map(([, name = '']) => name);
    expect(headers).toHaveLength(3);
    expect(missingIn(distributed, headers)).toEqual([]);
  });
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
