/** Commands around paying: the configuration, keys, templates, schemas, the sandbox. */
import { kinds } from '../../../batches/instruction/instruction.ts';
import { declare } from '../declaration.ts';
import { configLayers } from '../layers.ts';
import { choiceOr, flag, integerOr, text, textOr } from '../option.ts';

export const config = declare({
  usage: 'config',
  description: 'shows every setting, its value and where it comes from',
  needs: 'data',
  options: { json: flag('--json', 'print one JSON object') },
  examples: ['config', 'config --json'],
  run: async ({ config: loaded, flags, options }) =>
    (await import('../../commands/config.ts')).config(loaded, configLayers(flags), options),
});

export const ledger = declare({
  usage: 'ledger <action> [file]',
  actions: () => ['verify', 'clock', 'export', 'import'],
  description:
    'verify: checks every audit trail and every total; export FILE: moves the whole ledger into one sealed file; import FILE: makes a ledger of it, of this profile or the other; clock --reset: sets the time of the ledger back to the clock of this machine, after that was far ahead',
  needs: 'data',
  options: {
    reset: flag('--reset', 'clock: confirm: no send made so far is ever sent again'),
    newLedger: flag('--new-ledger', 'import: allow a new ledger for a gateway that is not on loopback'),
    allowUnsafeRedis: flag('--allow-unsafe-redis', 'import: accept a Redis that may forget what it acknowledged'),
    by: text('--by <name>', 'import: who pauses everything (default: the user of the operating system)'),
    json: flag('--json', 'print one JSON object'),
  },
  examples: ['ledger verify', 'ledger verify --json', 'ledger export moved.ledger', 'ledger import moved.ledger', 'ledger clock --reset'],
  run: async ({ config: loaded, args, options }) => (await import('../../commands/ledger.ts')).ledger(loaded, args, options),
});

export const keys = declare({
  usage: 'keys',
  description: 'generates the RSA key pair for request signing',
  needs: 'none',
  options: {
    out: textOr('.', '--out <dir>', 'folder for private.pem and public.pem'),
    json: flag('--json', 'print the two paths as one JSON object'),
  },
  examples: ['keys --out keys'],
  run: async ({ options }) => (await import('../../commands/keys.ts')).keys(options),
});

export const template = declare({
  usage: 'template',
  description: 'prints a CSV file with one valid row, or writes a workbook that explains its columns',
  needs: 'none',
  options: {
    kind: textOr('payout', '--kind <kind>', kinds.join(' or ')),
    route: text('--route <route>', 'country or method (an unknown name prints the list)'),
    out: text('--out <file>', 'write to this file instead, as a workbook if its name ends in .xlsx; never over another file'),
  },
  examples: ['template --route sepa > payouts.csv', 'template --route sepa --out payouts.xlsx', 'template --kind payment --route card'],
  run: async ({ options }) => (await import('../../commands/template.ts')).template(options),
});

export const schema = declare({
  usage: 'schema <name>',
  actions: () => ['instruction', 'result', 'summary'],
  description: 'prints a JSON Schema: instruction, result, summary or alert',
  needs: 'none',
  options: {},
  examples: ['schema result'],
  run: async ({ args: [name = ''] }) => (await import('../../commands/schema.ts')).schema(name),
});

export const sandbox = declare({
  usage: 'sandbox',
  description: 'runs a simulated gateway on 127.0.0.1',
  needs: 'none',
  options: {
    port: integerOr(
      0,
      { from: 0, to: 65_535 },
      '--port <port>',
      'port to listen on, 0 for any free one; the URL is the first line of the output',
    ),
    publicKey: text('--public-key <file>', 'verify the signatures of callers with this key'),
    privateKey: text('--private-key <file>', 'sign webhooks with this key'),
    webhookUrl: text('--webhook-url <url>', 'send webhooks to this URL'),
    confirm: choiceOr('manual', ['auto', 'manual'], '--confirm <mode>', 'whether payouts wait for session/confirm'),
    settleMs: integerOr(1000, { from: 0, to: 86_400_000 }, '--settle-ms <ms>', 'time from one state of a session to the next'),
    seed: integerOr(1, { from: 0, to: Number.MAX_SAFE_INTEGER }, '--seed <number>', 'seed of the random faults'),
    faults: text('--faults <list>', 'such as lost-answer=0.05,slow=0.05 (an unknown name prints the list)'),
    retryGapMs: integerOr(
      1000,
      { from: 1, to: 60_000 },
      '--retry-gap-ms <ms>',
      'time to the second attempt of a webhook; later gaps grow to 900 times it, and attempts end after 1800 times it',
    ),
    balance: text('--balance <list>', 'money for payouts, such as EUR=1000.00,USD=500.00 (default: without end)'),
    underfunded: choiceOr(
      'hold',
      ['hold', 'refuse'],
      '--underfunded <mode>',
      'beyond the balance: hold payouts in progress, or refuse their init calls with insufficient_funds',
    ),
    reportMetadata: textOr(
      'whole',
      '--report-metadata <length>',
      'how much of the metadata /_sandbox/report?date=YYYY-MM-DD prints: whole, or a number of characters',
    ),
  },
  examples: [
    'sandbox --port 4010 --public-key keys/public.pem',
    'sandbox --port 0 --faults lost-answer=0.05,http-500=0.02',
    'sandbox --port 0 --balance EUR=1000.00 --underfunded refuse --report-metadata 20',
  ],
  run: async ({ options }) => (await import('../../commands/sandbox.ts')).sandbox(options),
});
