/** Commands that show what was paid. */
import { recordOrders } from '../../../batches/record/record-selection.ts';
import { statuses, type RecordStatus } from '../../../batches/record/status.ts';
import { declare } from '../declaration.ts';
import { systemClock } from '../../clock.ts';
import { parseAgo, parseTime } from '../../terminal/point-in-time.ts';
import { choiceOr, duration, flag, integer, integerOr, integerOrAll, OptionError, someOf, text, type Option } from '../option.ts';

/** A number is milliseconds since the epoch. */
const from = (flags: string, description: string): Option<'beginning' | 'now' | number> => ({
  flags,
  description,
  fallback: 'beginning',
  read(given) {
    if (typeof given !== 'string' || given === 'beginning') return 'beginning';
    const time = given === 'now' ? given : (parseTime(given) ?? parseAgo(given, systemClock.now()));
    if (time !== undefined) return time;
    throw new OptionError('Expected beginning, now, a time such as 2026-11-21T08:00Z, or a duration ago such as -10m.');
  },
});

/** In milliseconds since the epoch. */
const time = (flags: string, description: string): Option<number | undefined> => ({
  flags,
  description,
  read(given) {
    if (typeof given !== 'string') return undefined;
    const at = parseTime(given) ?? parseAgo(given, systemClock.now());
    if (at !== undefined) return at;
    throw new OptionError('Expected a time such as 2026-11-21T08:00Z, or a duration ago such as -10m.');
  },
});

export const status = declare({
  usage: 'status [batch]',
  description: 'shows a batch (by its id, at least the first 6 characters of it, or its file), or the newest batches',
  needs: 'data',
  options: {
    limit: integerOrAll(50, { from: 1, to: 100_000 }, '--limit <number>', 'list this many of the newest batches, or all'),
    watch: flag('--watch', 'show what changes, until everything is final or Ctrl-C'),
    verify: flag('--verify', 'count again from all records; exit with code 2 if a total differs'),
    exitStatus: flag('--exit-status', 'exit with code 2 if anything needs a person'),
    json: flag('--json', 'print the summary as one JSON object, or one per line'),
  },
  examples: ['status', 'status 9f2c41 --json', 'status may.csv --watch', 'status may.csv --verify', 'status --limit all'],
  run: async ({ config, args: [batch], options }) => (await import('../../commands/status.ts')).status(config, batch, options),
});

export const recordStatuses = statuses.filter((status): status is RecordStatus => status !== 'conflict' && status !== 'duplicate');

/** Which records are meant. */
export const recordChoice = {
  batch: text('--batch <batch>', 'only this batch: its id, at least the first 6 characters of it, or its file'),
  currency: text('--currency <code>', 'only this currency'),
  code: text('--code <code>', 'only records with this reason'),
  olderThan: duration('--older-than <duration>', 'only records sent (or, if never sent, admitted) at least this long ago'),
};

const recordFilters = {
  ...recordChoice,
  limit: integerOr(1000, { from: 1, to: 100_000 }, '--limit <number>', 'show at most this many; the sums include all'),
  exitStatus: flag('--exit-status', 'exit with code 2 if any record is listed'),
  json: flag('--json', 'one JSON object per line'),
};

export const records = declare({
  usage: 'records',
  description: 'lists the state of records now, and their sum per currency',
  needs: 'data',
  options: {
    status: someOf(recordStatuses, '--status <list>', 'only these statuses, separated by commas (default: all that are not final)'),
    sort: choiceOr('age', recordOrders, '--sort <order>', 'oldest, largest or alphabetically first'),
    ...recordFilters,
  },
  examples: ['records', 'records --status failed --batch may.csv', 'records --older-than 1h --sort amount --json'],
  run: async ({ config, options }) => (await import('../../commands/records.ts')).records(config, options),
});

export const unknowns = declare({
  usage: 'unknowns',
  description: 'lists records whose outcome is unknown, oldest first (records --status unknown)',
  needs: 'data',
  options: recordFilters,
  examples: ['unknowns', 'unknowns --exit-status --older-than 4h'],
  run: async ({ config, options }) =>
    (await import('../../commands/records.ts')).records(config, { ...options, status: ['unknown'], sort: 'age' }),
});

export const explain = declare({
  usage: 'explain <record>',
  description: 'shows the audit trail of a record, its state now and its next step',
  needs: 'data',
  options: {
    verify: flag('--verify', 'exit with code 2 if the trail is not as it was written and published (needs the ledger key)'),
    json: flag('--json', 'print one JSON object'),
  },
  examples: ['explain inv-7', 'explain inv-7 --verify --json'],
  run: async ({ config, args: [record = ''], options }) => (await import('../../commands/explain.ts')).explain(config, record, options),
});

export const tail = declare({
  usage: 'tail',
  description: 'prints result events or alerts (for the state of records now: disburse records)',
  needs: 'data',
  options: {
    follow: flag('--follow', 'keep printing new events'),
    from: from('--from <where>', 'beginning, now, a time such as "2026-11-21 08:00" (UTC), or a duration ago such as -10m'),
    last: integer({ from: 1, to: 1_000_000 }, '-n, --last <number>', 'only this many of the newest events'),
    status: someOf(statuses, '--status <list>', 'only these statuses, separated by commas'),
    batch: text('--batch <batch>', 'only this batch: its id, at least the first 6 characters of it, or its file'),
    record: text('--record <record>', 'only this record id'),
    final: flag('--final', 'only final results'),
    alerts: flag('--alerts', 'alerts instead of results'),
    json: flag('--json', 'raw events, one JSON object per line'),
  },
  examples: [
    'tail --follow',
    'tail --record inv-7 --json',
    'tail --status failed,cancelled --from -24h',
    'tail --batch may.csv -n 20',
    'tail --alerts --follow',
  ],
  run: async ({ config, options }) => (await import('../../commands/tail.ts')).tail(config, options),
});

export const results = declare({
  usage: 'results <action> [batch]',
  actions: () => ['export', 'replay', 'rotate'],
  description: 'export BATCH writes the results of a batch as CSV or XLSX; replay publishes results again; rotate moves results.jsonl away',
  needs: 'data',
  options: {
    out: text('--out <file>', 'export: write to this file, as a workbook if its name ends in .xlsx (default: CSV on stdout)'),
    batch: text('--batch <batch>', 'replay: the results of this batch (its id, at least the first 6 characters of it, or its file)'),
    record: text('--record <record>', 'replay: the results of this record id'),
    since: time('--since <time>', 'replay: the results since a time such as "2026-11-21 08:00" (UTC), or a duration ago such as -10m'),
    json: flag('--json', 'replay and rotate: print one JSON object'),
  },
  examples: ['results export may.csv --out may.xlsx', 'results replay --since -1h', 'results rotate'],
  run: async ({ config, args, options }) => (await import('../../commands/results.ts')).results(config, args, options),
});
