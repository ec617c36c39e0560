/** Every variable is described where people look for it, with the default that it has. */
import { parse } from 'dotenv';
import { describe, expect, it } from 'vitest';
import { readConfig } from '../../src/config/config.ts';
import { variableNames, type VariableName } from '../../src/config/variables.ts';
import { page, tableRow } from './pages.ts';

const defaults = readConfig([{}], 'none').settings;
const example = page('.env.example');

/** Defaults that depend on where disburse runs; what the pages must say of them. */
const depends: Readonly<Record<string, string>> = {
  DATA_DIR: '~/.local/share/disburse',
  LEDGER_KEY_FILE: 'in `DATA_DIR`',
};

/** What is wrong with the default that a page shows; null when nothing is. */
function mistakeAbout(variable: VariableName, told: string | undefined): string | null {
  if (told === undefined) return 'it is in no table';
  const place = depends[variable];
  if (place !== undefined) return told.includes(place) ? null : `its default should say ${place}`;
  if (told === 'none') return defaults[variable] === undefined ? null : 'it has a default';
  const text = /^`(.+)`$/.exec(told)?.[1];
  if (text === undefined || defaults[variable] === undefined) return `its default cannot be ${told}`;
  const read = readConfig([{ [variable]: text }], 'none').settings[variable];
  return read === defaults[variable] ? null : `its default is not ${told}`;
}

describe.each(['README.md', 'docs/configuration.md'])('%s', (name) => {
  it.each(variableNames)('%s is in a table with its default', (variable) => {
    expect(mistakeAbout(variable, tableRow(page(name), variable)?.[1])).toBeNull();
  });
});

describe('.env.example', () => {
  const assignments = new Map([...example.matchAll(/^#?([A-Z_]+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value]));

  it('has every variable and no other, each with a comment above it', () => {
    expect([...assignments.keys()].sort()).toEqual([...variableNames].sort());
    const lines = example.split('\n');
    const bare = [...assignments.keys()].filter((name) => {
      const at = lines.findIndex((line) => new RegExp(`^#?${name}=`).test(line));
      return lines[at - 1]?.startsWith('#') !== true;
    });
    expect(bare).toEqual([]);
  });

  it('is enough to pay with', () => {
    const { settings } = readConfig([parse(example)], 'gateway');
    expect(settings.GATEWAY_URL).toBe('http://127.0.0.1:4010');
    // The tour's gateway keeps every key; without the line no open send of the tour is repeated.
    expect(settings.GATEWAY_KEY_LIFETIME).toBe(12 * 3_600_000);
  });

  it('parses with every line uncommented', () => {
    const all = Object.fromEntries(assignments);
    expect(() => readConfig([all], 'gateway')).not.toThrow();
  });

  it('shows the defaults that there are, commented out', () => {
    // It has none, and an example says more than nothing.
    const examples = new Set<VariableName>(['MAX_AMOUNT', 'MAX_BATCH_TOTAL', 'MAX_DAY_TOTAL', 'HOLIDAYS_FILE', 'CONSOLE_ROLES']);
    const wrong = variableNames.filter((variable) => {
      const text = assignments.get(variable) ?? '';
      const isCommented = new RegExp(`^#${variable}=`, 'm').test(example);
      if (!isCommented || text === '' || examples.has(variable)) return false;
      return readConfig([{ [variable]: text }], 'none').settings[variable] !== defaults[variable];
    });
    expect(wrong).toEqual([]);
  });
});
