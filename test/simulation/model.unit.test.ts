/** The model of a record's life makes the moves that the code makes. That it holds is searched by `npm run proof -- --model`. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { mayFollow } from '../../batches/record/status.ts';
import { modelMoves } from '../../simulation/model/moves.ts';
import { modelMutations } from '../../simulation/model/mutations.ts';
import { movesOfCode, recordStatuses } from './code-moves.ts';

describe('the model of a record', () => {
  it('makes exactly the moves that the code makes and mayFollow allows', () => {
    const allowed = recordStatuses.flatMap((from) => mayFollow[from].map((to) => `${from} ${to}`));
    const code = movesOfCode();
    expect([...modelMoves].sort()).toEqual(allowed.sort());
    expect([...code.moves].sort()).toEqual(allowed);
    // What is not in the model: a ledger that has lost data meets sessions of records that it never sent.
    expect([...code.behind].filter((move) => !move.startsWith('queued '))).toEqual([]);
  });

  it.each(modelMutations)('has the text that its mutation "$name" changes exactly once', ({ text }) => {
    const model = readFileSync(join(import.meta.dirname, '../../simulation/model/record.pml'), 'utf8');
    expect(model.split(text)).toHaveLength(2);
  });
});
