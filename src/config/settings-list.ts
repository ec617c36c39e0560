/** Every setting with its value and where it comes from. */
import { parseDurationMs } from '../duration.ts';
import { readConfig, type Environment } from './config.ts';
import { secretNames, variableNames, type VariableName } from './variables.ts';

export interface Layer {
  readonly source: 'flag' | 'environment' | '.env';
  readonly values: Environment;
}

/** @property value as it was given; secrets are masked; null when it is not set and has no default */
export interface Setting {
  readonly name: VariableName;
  readonly value: string | null;
  readonly source: Layer['source'] | 'default' | 'unset';
}

/** @param layers the first that has a variable wins */
export function listSettings(layers: readonly Layer[]): readonly Setting[] {
  const defaults = readConfig([{}], 'none').settings;
  return variableNames.map((name) => {
    const layer = layers.find(({ values }) => (values[name] ?? '') !== '');
    if (layer !== undefined)
      return { name, value: secretNames.has(name) ? '(not shown)' : (layer.values[name] ?? null), source: layer.source };
    const value = defaults[name];
    return value === undefined ? { name, value: null, source: 'unset' } : { name, value: defaultText(name, value), source: 'default' };
  });
}

const units = ['d', 'h', 'm', 's', 'ms'] as const;
/** Whose value is a duration in milliseconds, given with its unit. */
const durations: ReadonlySet<VariableName> = new Set(['GATEWAY_KEY_LIFETIME', 'LEDGER_RETENTION']);

function defaultText(name: VariableName, value: unknown): string {
  if (!durations.has(name)) return String(value);
  const unit = units.find((one) => Number(value) % (parseDurationMs(`1${one}`) ?? 1) === 0) ?? 'ms';
  return `${Number(value) / (parseDurationMs(`1${unit}`) ?? 1)}${unit}`;
}
