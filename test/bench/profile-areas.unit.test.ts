import { describe, expect, it } from 'vitest';
import { areasOf } from '../../bench/profile-areas.ts';

const frame = (functionName: string, url = ''): { functionName: string; url: string } => ({ functionName, url });

describe('the areas of a profile', () => {
  it('count a sample for the innermost function that has an area', () => {
    const nodes = [
      { id: 1, callFrame: frame('(root)'), children: [2, 6] },
      { id: 2, callFrame: frame('advance', 'file:///app/dist/src/ledger/sqlite/advance.js'), children: [3, 4] },
      { id: 3, callFrame: frame('toString', 'node:buffer') },
      { id: 4, callFrame: frame('hash', 'node:internal/crypto/hash'), children: [5] },
      { id: 5, callFrame: frame('(garbage collector)') },
      { id: 6, callFrame: frame('constructor') },
    ];
    const areas = areasOf({ nodes, samples: [2, 3, 4, 5, 6], timeDeltas: [10, 20, 5, 7, 1] });
    expect(Object.fromEntries(areas.map(({ area, us }) => [area, us]))).toEqual({
      'ledger: records, tallies, commits': 30,
      'garbage collection': 7,
      'digests: fingerprint, fields, key, audit trail': 5,
      'everything else': 1,
    });
    expect(areas.map(({ us }) => us)).toEqual([30, 7, 5, 1]);
  });
});
