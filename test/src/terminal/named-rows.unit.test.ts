import { describe, expect, it } from 'vitest';
import { namedRowsText, type NamedRow } from '../../../src/terminal/named-rows.ts';

const row = (line: number): NamedRow => ({
  line,
  recordId: `inv-${line}\u001b[2J`,
  amountMinor: 123_456n,
  currency: 'EUR',
  reason: { code: 'connection_lost', description: 'The connection was lost.' },
});

describe('rows that need attention', () => {
  it('are named with line, record id, amount and reason, and what lists the others', () => {
    expect(namedRowsText({ status: 'unknown', count: 1234, shown: [row(7)], listAll: 'disburse unknowns' }).split('\n')).toEqual([
      '1,234 records are unknown: may have been paid. Check the gateway before paying again.',
      '  line 7, inv-7\\u001b[2J, EUR 1,234.56: The connection was lost. [connection_lost]',
      '  … and 1,233 more; list all: disburse unknowns',
    ]);
  });

  it.each([
    ['failed', 'The gateway gave no reason.'],
    ['cancelled', 'The gateway gave no reason.'],
    ['unknown', 'The gateway gave no reason.'],
    ['in_progress', 'still processing at the gateway'],
  ] as const)('that are %s without a reason say: %s', (status, text) => {
    const named = namedRowsText({ status, count: 1, shown: [{ ...row(2), reason: null }], listAll: '' });
    expect(named).toContain(`EUR 1,234.56: ${text} [${status}]`);
  });

  it('are counted where none of them can be named', () => {
    expect(namedRowsText({ status: 'conflict', count: 3, shown: [], listAll: 'run it again' }).split('\n')).toEqual([
      '3 rows are in conflict: the record id was used before with other content. Nothing was sent for them.',
      '  list all: run it again',
    ]);
  });
});
