import type { Config } from '../config/config.ts';
import { CommandError, exitCodes, type ExitCode } from '../exit.ts';
import { exportResults } from './results-export.ts';
import { replayResults } from './results-replay.ts';
import type { ResultsOptions } from './results-options.ts';
import { rotateResults } from './results-rotate.ts';

const flagsOf = {
  export: ['out'],
  replay: ['batch', 'record', 'since'],
  rotate: [],
} as const satisfies Readonly<Record<string, readonly (keyof ResultsOptions)[]>>;

const usage = 'disburse results export BATCH [--out FILE], results replay --batch B | --record R | --since TIME, or results rotate';

/** Works on published results: writes those of a batch for people, publishes some again, moves the file away. */
export async function results(config: Config, [action, batch]: readonly string[], options: ResultsOptions): Promise<ExitCode> {
  if (action !== 'export' && action !== 'replay' && action !== 'rotate') throw new CommandError(exitCodes.usage, `expected ${usage}`);
  const own: readonly string[] = flagsOf[action];
  const foreign = (['out', 'batch', 'record', 'since'] as const).filter((name) => options[name] !== undefined && !own.includes(name));
  if (foreign.length > 0)
    throw new CommandError(exitCodes.usage, `results ${action} has no option --${foreign.join(', --')}. Expected ${usage}`);
  if (action === 'export') {
    if (options.json)
      throw new CommandError(exitCodes.usage, 'results export has no option --json: tail --batch BATCH --json prints the events.');
    return exportResults(config, batch, options);
  }
  if (batch !== undefined) throw new CommandError(exitCodes.usage, `results ${action} takes no argument. Expected ${usage}`);
  return action === 'replay' ? replayResults(config, options) : rotateResults(config, options);
}
