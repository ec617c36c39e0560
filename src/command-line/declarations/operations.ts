/** Commands by which a person decides. */
import { declare } from '../declaration.ts';
import { choice, flag, someOf, text } from '../option.ts';
import { reading } from './files.ts';
import { recordChoice, recordStatuses } from './records.ts';

const person = {
  reason: text('--reason <text>', 'why; kept in the audit trail'),
  by: text('--by <name>', 'who decides (default: the user of the operating system)'),
  json: flag('--json', 'print the outcome as one JSON object'),
};

/** Instead of the ids of records: all that match. */
const chosen = (statuses: string) => ({
  status: someOf(recordStatuses, '--status <list>', `instead of ids: all of these statuses, separated by commas (default: ${statuses})`),
  ...recordChoice,
  expect: text('--expect <totals>', 'sum and number of the records: EUR=12.30/3,…; needed where no ids are given'),
});

export const retry = declare({
  usage: 'retry [record...]',
  description: 'pays failed or cancelled records again, each as its next attempt under a key of its own',
  needs: 'gateway',
  options: {
    ...person,
    amend: flag('--amend', 'send a changed row of --file; never another amount or currency'),
    file: text('--file <file>', 'the file with the row, where its body is no longer stored (7 days after the failure)'),
    encoding: reading.encoding,
    delimiter: reading.delimiter,
    decimal: reading.decimal,
    sheet: reading.sheet,
    map: reading.map,
    ...chosen('failed, cancelled'),
  },
  examples: [
    'retry inv-7 --reason "account reopened"',
    'retry inv-7 inv-9 --file may.csv --reason "bank holiday"',
    'retry --code account_not_found --batch may.csv --expect EUR=12.30/3 --reason "corrected"',
  ],
  run: async ({ config, args, options }) => (await import('../../commands/retry.ts')).retry(config, args, options),
});

export const resolve = declare({
  usage: 'resolve [record...]',
  description: "ends open records by a person's word",
  needs: 'gateway',
  options: {
    ...person,
    as: choice(['succeeded', 'failed', 'cancelled'], '--as <status>', 'what became of it'),
    evidence: text('--evidence <text>', 'what shows it'),
    ...chosen('submitting, in_progress, unknown'),
  },
  examples: ['resolve inv-7 --as succeeded --evidence "bank statement 118" --reason "answer lost"'],
  run: async ({ config, args, options }) => (await import('../../commands/operate.ts')).resolve(config, args, options),
});

export const cancel = declare({
  usage: 'cancel [batch]',
  description: 'ends what was not sent of a batch, now and later, or one record; lists what had gone',
  needs: 'gateway',
  options: { ...person, record: text('--record <record>', 'only this record') },
  examples: ['cancel may.csv --reason "wrong file"', 'cancel --record inv-7 --reason "paid by hand"'],
  run: async ({ config, args: [batch], options }) => (await import('../../commands/operate.ts')).cancel(config, batch, options),
});

export const approve = declare({
  usage: 'approve <batch>',
  description: 'lets a file that waits for an approval go; by another person than the one who submitted it',
  needs: 'gateway',
  options: { ...person, expect: text('--expect <totals>', 'the totals that you have seen, as validate prints them: EUR=12.30/3,…') },
  examples: ['approve may.csv --expect EUR=12500.00/120 --reason "checked against the invoice list"'],
  run: async ({ config, args: [batch = ''], options }) => (await import('../../commands/approve.ts')).approve(config, batch, options),
});

export const refuse = declare({
  usage: 'refuse <batch>',
  description: 'refuses a file that waits for an approval: nothing of it is sent, and its record ids are free again',
  needs: 'gateway',
  options: person,
  examples: ['refuse may.csv --reason "wrong month"'],
  run: async ({ config, args: [batch = ''], options }) => (await import('../../commands/approve.ts')).refuse(config, batch, options),
});

export const gates = declare({
  usage: 'gates [action]',
  actions: () => ['show', 'loosen'],
  description: 'shows the limits that the ledger holds, or loosens them; under APPROVAL=required that needs two persons',
  needs: 'gateway',
  options: {
    ...person,
    batchTotal: text('--batch-total <limits>', 'most that a file may total: EUR=10000.00,USD=5000, or none'),
    dayTotal: text('--day-total <limits>', 'most that is sent on a day (UTC): EUR=10000.00,USD=5000, or none'),
    approval: choice(['none'], '--approval <mode>', 'files need no approval any more'),
    confirm: choice(['match'], '--confirm <mode>', 'confirm what equals the ledger'),
  },
  examples: ['gates', 'gates loosen --day-total EUR=50000.00 --reason "quarterly bonuses"'],
  run: async ({ config, args: [action], options }) => (await import('../../commands/approve.ts')).gates(config, action, options),
});

const everything = flag('--all', 'everything, of all batches');

export const pause = declare({
  usage: 'pause [batch]',
  description: 'stops new sends of a batch or of everything; what is in flight ends, and is followed',
  needs: 'gateway',
  options: { ...person, all: everything },
  examples: ['pause may.csv --reason "wrong amounts?"', 'pause --all'],
  run: async ({ config, args: [batch], options }) =>
    (await import('../../commands/operate.ts')).pauseOrResume(config, 'pause', batch, options),
});

export const resume = declare({
  usage: 'resume [batch]',
  description: 'lets a paused batch, or everything, go on',
  needs: 'gateway',
  options: { ...person, all: everything },
  examples: ['resume may.csv', 'resume --all --reason "checked"'],
  run: async ({ config, args: [batch], options }) =>
    (await import('../../commands/operate.ts')).pauseOrResume(config, 'resume', batch, options),
});

export const alerts = declare({
  usage: 'alerts [action] [record...]',
  actions: () => ['list', 'acknowledge'],
  description: 'lists alerts that wait for a person, or acknowledges those of a record',
  needs: 'gateway',
  options: person,
  examples: ['alerts', 'alerts acknowledge inv-7 --reason "checked at the gateway: paid once"'],
  run: async ({ config, args, options }) => (await import('../../commands/alerts.ts')).alerts(config, args, options),
});

export const capture = declare({
  usage: 'capture <record>',
  description: 'takes the money of a payment that waits for its capture',
  needs: 'gateway',
  options: person,
  examples: ['capture ord-9 --reason "goods sent"'],
  run: async ({ config, args: [record = ''], options }) => (await import('../../commands/operate.ts')).capture(config, record, options),
});
