/** Where the configuration comes from: flags, the environment, `.env`. */
import { readFileSync } from 'node:fs';
import { parse } from 'dotenv';
import { variableNames } from '../config/variables.ts';
import type { Environment } from '../config/config.ts';
import { CommandError, exitCodes } from '../exit.ts';

/** Options as commander hands them over. */
export type Given = Readonly<Record<string, unknown>>;

/** `GATEWAY_URL` is also `--gateway-url`. */
export const flagOf = (name: string): string => `--${name.toLowerCase().replaceAll('_', '-')}`;

/** Commander's name of the flag of a variable: `gatewayUrl`. */
const memberOf = (name: string): string => name.toLowerCase().replace(/_([a-z0-9])/g, (_all, letter: string) => letter.toUpperCase());

/** The first layer that has a variable wins. */
export const configLayers = (flags: Given): readonly Environment[] => [flagLayer(flags), process.env, dotenvLayer()];

const flagLayer = (flags: Given): Environment =>
  Object.fromEntries(
    variableNames.map((name) => {
      const value = flags[memberOf(name)];
      return [name, typeof value === 'string' ? value : undefined];
    }),
  );

function dotenvLayer(): Environment {
  try {
    return parse(readFileSync('.env'));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new CommandError(exitCodes.usage, `.env cannot be read: ${(cause as Error).message}`, { cause });
  }
}
