/** Commands that compare the ledger with what the gateway has. */
import { declare } from '../declaration.ts';
import { flag } from '../option.ts';

export const reconcile = declare({
  usage: 'reconcile <report>',
  description: "compares the gateway's daily payouts report (CSV or XLSX) with the ledger, and ends what it proves",
  needs: 'gateway',
  options: {
    dryRun: flag('--dry-run', 'compare only: end nothing, raise no alert'),
    json: flag('--json', 'print the comparison as one JSON object'),
  },
  examples: ['reconcile shop_2026-05-04_2026-05-04.csv', 'reconcile shop_2026-05-04_2026-05-04.xlsx --dry-run'],
  run: async ({ config, args: [report = ''], options }) => (await import('../../commands/reconcile.ts')).reconcile(config, report, options),
});

export const balance = declare({
  usage: 'balance',
  description: "shows the gateway's balance per currency, what is to be paid, and what is missing",
  needs: 'gateway',
  options: { json: flag('--json', 'print one JSON object') },
  examples: ['balance', 'balance --json'],
  run: async ({ config, options }) => (await import('../../commands/balance.ts')).balance(config, options),
});
