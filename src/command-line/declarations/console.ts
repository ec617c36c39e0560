/** The console in a browser. */
import { declare } from '../declaration.ts';
import { configLayers } from '../layers.ts';
import { flag } from '../option.ts';

export const console = declare({
  usage: 'console [action] [name]',
  actions: () => ['login'],
  description: 'serves the console in a browser on loopback and prints a link to log in; login NAME: prints one for another person',
  needs: 'data',
  options: {
    newLedger: flag('--new-ledger', 'create the ledger if it is missing (needed for a gateway that is not on loopback)'),
    allowUnsafeRedis: flag('--allow-unsafe-redis', 'run even if Redis is not configured durably (risk of double payment)'),
  },
  examples: ['console', 'console --console-port 8090', 'console login bob'],
  run: async ({ config, args, flags, options }) =>
    (await import('../../commands/console.ts')).console(config, configLayers(flags), args, options),
});
