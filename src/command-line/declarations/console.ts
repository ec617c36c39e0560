/** The console in a browser. */
import { declare } from '../declaration.ts';
import { configLayers } from '../layers.ts';

export const console = declare({
  usage: 'console [action] [name]',
  actions: () => ['login'],
  description: 'serves the console in a browser on loopback and prints a link to log in; login NAME: prints one for another person',
  needs: 'data',
  options: {},
  examples: ['console', 'console --console-port 8090', 'console login bob'],
  run: async ({ config, args, flags }) => (await import('../../commands/console.ts')).console(config, configLayers(flags), args),
});
