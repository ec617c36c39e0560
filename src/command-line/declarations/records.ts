/** Commands that show what was paid. */
import { statuses } from '../../../batches/record/status.ts';
import { declare } from '../declaration.ts';
import { choice, flag, text, textOr } from '../option.ts';

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
  description: 'prints result events',
  needs: 'data',
  options: {
    follow: flag('--follow', 'keep printing new events'),
    from: textOr('beginning', '--from <where>', 'beginning, now, or a time such as 2026-11-21T08:00:00Z'),
    status: choice(statuses, '--status <status>', 'only this status'),
    batch: text('--batch <batch>', 'only this batch'),
    record: text('--record <record>', 'only this record id'),
    final: flag('--final', 'only final results'),
    json: flag('--json', 'raw events, one JSON object per line'),
  },
  examples: ['tail --follow', 'tail --record inv-7 --json', 'tail --status failed --from 2026-11-21T08:00:00Z'],
  run: async ({ config, options }) => (await import('../../commands/tail.ts')).tail(config, options),
});
