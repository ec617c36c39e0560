/** Commands that read a file of payouts. */
import { exitCodes } from '../../exit.ts';
import { declare } from '../declaration.ts';
import { systemClock } from '../../clock.ts';
import { parseTime } from '../../terminal/point-in-time.ts';
import { configLayers } from '../layers.ts';
import { address, choice, duration, durationOrNot, flag, OptionError, text, type Option } from '../option.ts';

export const reading = {
  encoding: text('--encoding <name>', 'utf-8 (default), utf-16le, utf-16be, windows-1252, iso-8859-15, …'),
  delimiter: text('--delimiter <char>', 'comma, semicolon or tab; detected from the header by default'),
  decimal: choice(['point', 'comma'], '--decimal <sign>', 'decimal sign of the column amount: point (default) or comma; never guessed'),
  sheet: text('--sheet <name>', 'the sheet of a workbook (.xlsx) to read (default: its first)'),
  map: text('--map <file>', 'mapping of the columns: a JSON file, or the name of one in DATA_DIR/mappings (see "disburse map")'),
  expect: text('--expect <totals>', 'total and row count that the file must have, for example EUR=12.30/3,USD=5/1'),
};

/** In milliseconds since the epoch. */
const timeToCome = (flags: string, description: string): Option<number | undefined> => ({
  flags,
  description,
  read(given) {
    if (typeof given !== 'string') return undefined;
    const at = parseTime(given);
    if (at !== undefined && at > systemClock.now()) return at;
    throw new OptionError('Expected a time that is to come, such as 2026-12-01T08:00Z or "2026-12-01 09:00 +01:00".');
  },
});

/** Of every command that pays. */
const paying = {
  capture: choice(
    ['auto', 'manual'],
    '--capture <mode>',
    'capture payments that wait for it, or leave them to a person (default: auto, and manual under GATEWAY_CONFIRM=manual)',
  ),
  newLedger: flag('--new-ledger', 'create the ledger if it is missing (needed for a gateway that is not on loopback)'),
  allowUnsafeRedis: flag('--allow-unsafe-redis', 'run even if Redis is not configured durably (risk of double payment)'),
};

export const validate = declare({
  usage: 'validate <file>',
  description: 'checks a file and reports every error; sends nothing',
  needs: 'data',
  options: {
    json: flag('--json', 'print the report as one JSON object'),
    ...reading,
    errors: text(
      '--errors <file>',
      'write the invalid rows to this file, with their errors in the last column (a workbook if its name ends in .xlsx)',
    ),
  },
  examples: ['validate may.csv', 'validate may.csv --errors may.fix.csv', 'validate may.csv --expect EUR=12500.00/120'],
  run: async ({ config, args: [file = ''], options }) => (await import('../../commands/validate.ts')).validate(config, file, options),
});

export const map = declare({
  usage: 'map <file>',
  description: 'proposes a mapping for a file whose columns have other names (see --map)',
  needs: 'none',
  options: { encoding: reading.encoding, delimiter: reading.delimiter, sheet: reading.sheet },
  examples: ['map bank.csv > bank.json', 'validate bank.csv --map bank.json'],
  run: async ({ args: [file = ''], options }) => (await import('../../commands/map.ts')).map(file, options),
});

export const run = declare({
  usage: 'run <file>',
  description: 'pays a file and follows it until every outcome is known; run it again to continue',
  needs: 'gateway',
  options: {
    json: flag('--json', 'print the summary as one JSON object at the end'),
    policy: choice(['skip', 'all-or-nothing'], '--policy <policy>', 'skip invalid rows (default), or reject the whole file'),
    wait: durationOrNot(
      '--wait <duration>',
      'how long to wait for final results, or for an unreachable gateway (default: 15m)',
      'exit once every row has been sent',
    ),
    detach: flag('--detach', 'distributed profile: exit once the file is enqueued, and print its batch id'),
    ...reading,
    results: text('--results <file>', 'write the result of every row to this file, as CSV or, if its name ends in .xlsx, as a workbook'),
    requireFunds: flag('--require-funds', 'send nothing while the balance does not cover the file and what is in flight'),
    at: timeToCome('--at <time>', 'send nothing before this time, such as 2026-12-01T08:00Z; UTC without a zone'),
    yes: flag('--yes', 'pay without the question that a person at a terminal is asked'),
    by: text('--by <name>', 'who submits the file (default: the user of the operating system)'),
    webhooks: address('--webhooks <host:port>', 'take webhooks of the gateway there while it runs (needs GATEWAY_PUBLIC_KEY_FILE)'),
    ...paying,
  },
  examples: ['run may.csv', 'run may.csv --policy all-or-nothing', 'run may.csv --wait 1h --results may.results.csv'],
  // It pays to the end whatever becomes of its output.
  outputFailure: exitCodes.stopped,
  run: async ({ config, args: [file = ''], options }) => (await import('../../commands/run.ts')).run(config, file, options),
});

export const serve = declare({
  usage: 'serve',
  description: 'pays files from the drop folder and events from Kafka until stopped',
  needs: 'gateway',
  options: {
    wait: duration(
      '--wait <duration>',
      'how long to wait for final results before the results of a dropped file are written (default: 15m)',
    ),
    ...paying,
  },
  examples: ['serve', 'serve --inbox-dir /srv/payouts --http-port 9090'],
  run: async ({ config, options, flags }) => (await import('../../commands/serve.ts')).serve(config, options, configLayers(flags)),
});
