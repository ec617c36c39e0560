/** Where the configuration comes from: flags, the environment, `.env`. */
import { readFileSync } from 'node:fs';
import { parse } from 'dotenv';
import { readConfig, type Config, type Environment, type Needs } from '../config/config.ts';
import type { Layer } from '../config/settings-list.ts';
import { unknownNames, unknownNameText } from '../config/unknown-names.ts';
import { variableNames } from '../config/variables.ts';
import { CommandError, exitCodes } from '../exit.ts';

/** Options as commander hands them over. */
export type Given = Readonly<Record<string, unknown>>;

/** `GATEWAY_URL` is also `--gateway-url`. */
export const flagOf = (name: string): string => `--${name.toLowerCase().replaceAll('_', '-')}`;

/** Commander's name of the flag of a variable: `gatewayUrl`. */
const memberOf = (name: string): string => name.toLowerCase().replace(/_([a-z0-9])/g, (_all, letter: string) => letter.toUpperCase());

/**
 * The first of flags, environment and `.env` that has a variable wins. A name in the environment that is nearly ours is a
 * warning, in `.env` a mistake.
 *
 * @throws {CommandError} exit 1, reporting all mistakes together
 */
export function loadConfig(flags: Given, needs: Needs, onWarning: (message: string) => void): Config {
  if (needs === 'none') return readConfig([{}], needs);
  const layers = configLayers(flags);
  const dotenv = layers.find(({ source }) => source === '.env')?.values;
  for (const unknown of unknownNames(Object.keys(process.env), { inDotenv: false }))
    onWarning(`in the environment, ${unknownNameText(unknown)}`);
  return readConfig(
    layers.map(({ values }) => values),
    needs,
    {
      mistakes: unknownNames(Object.keys(dotenv ?? {}), { inDotenv: true }).map((unknown) => `in .env, ${unknownNameText(unknown)}`),
      sources: `flags, the environment and .env ${dotenv === undefined ? `(not found in ${process.cwd()}). Copy .env.example there as .env and set the values` : `(found in ${process.cwd()})`}`,
    },
  );
}

/** The first that has a variable wins; a missing `.env` is no layer. */
export function configLayers(flags: Given): readonly Layer[] {
  const dotenv = readDotenv();
  return [
    { source: 'flag', values: flagLayer(flags) },
    { source: 'environment', values: process.env },
    ...(dotenv === undefined ? [] : [{ source: '.env', values: dotenv } as const]),
  ];
}

const flagLayer = (flags: Given): Environment =>
  Object.fromEntries(
    variableNames.map((name) => {
      const value = flags[memberOf(name)];
      return [name, typeof value === 'string' ? value : value === true ? 'true' : undefined];
    }),
  );

/** Undefined where there is none. */
function readDotenv(): Environment | undefined {
  try {
    return parse(readFileSync('.env'));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new CommandError(exitCodes.usage, `cannot read .env: ${(cause as Error).message}`, { cause });
  }
}
