/** Commands that show what was paid. */
import { statuses } from '../../../batches/record/status.ts';
import { declare } from '../declaration.ts';
import { systemClock } from '../../clock.ts';
import { parseAgo, parseTime } from '../../terminal/point-in-time.ts';
import { flag, integer, OptionError, someOf, text, type Option } from '../option.ts';

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

export const status = declare({
  usage: 'status [batch]',
  description: 'shows a batch (by its id, or its first 6 or more characters), or all batches',
  needs: 'data',
  options: { json: flag('--json', 'print the summary as one JSON object, or one per line') },
  examples: ['status', 'status 9f2c41 --json'],
  run: async ({ config, args: [batch], options }) => (await import('../../commands/status.ts')).status(config, batch, options),
});

export const tail = declare({
  usage: 'tail',
  description: 'prints result events (for the state of records now: disburse records)',
  needs: 'data',
  options: {
    follow: flag('--follow', 'keep printing new events'),
    from: from('--from <where>', 'beginning, now, a time such as "2026-11-21 08:00" (UTC), or a duration ago such as -10m'),
    last: integer({ from: 1, to: 1_000_000 }, '-n, --last <number>', 'only the newest so many'),
    status: someOf(statuses, '--status <list>', 'only these statuses, separated by commas'),
    batch: text('--batch <batch>', 'only this batch: its id, the first 6 or more characters of it, or its file'),
    record: text('--record <record>', 'only this record id'),
    final: flag('--final', 'only final results'),
    json: flag('--json', 'raw events, one JSON object per line'),
  },
  examples: ['tail --follow', 'tail --record inv-7 --json', 'tail --status failed,cancelled --from -24h', 'tail --batch may.csv -n 20'],
  run: async ({ config, options }) => (await import('../../commands/tail.ts')).tail(config, options),
});
