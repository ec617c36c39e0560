/** The model of a record's life: it holds, it finds mistakes, and it makes the moves that the code makes. */
import { describe, expect, it } from 'vitest';
import { mayFollow } from '../../batches/record/status.ts';
import { checkModel, modelMutations } from '../../simulation/model/check.ts';
import { movesOfCode, recordStatuses } from './code-moves.ts';

describe('the model of a record, with up to two faults', () => {
  it('holds in every state, and makes exactly the moves that the code makes and mayFollow allows', async () => {
    const { violation, states, moves } = await checkModel({ faults: 2 });
    expect(violation).toBeNull();
    expect(states).toBeGreaterThan(1_000_000);

    const allowed = recordStatuses.flatMap((from) => mayFollow[from].map((to) => `${from} ${to}`));
    const code = movesOfCode();
    expect([...moves].sort()).toEqual(allowed.sort());
    expect([...code.moves].sort()).toEqual(allowed);
    // What is not in the model: a ledger that has lost data meets sessions of records that it never sent.
    expect([...code.behind].filter((move) => !move.startsWith('queued '))).toEqual([]);
  });

  it.each(modelMutations.filter(({ isFast }) => isFast))('finds that $name', async (mutation) => {
    expect((await checkModel({ faults: 2, mutation })).violation).not.toBeNull();
  });

  it('is searched with no mutation whose text is not in it', async () => {
    const mutation = { name: 'no such text', text: 'no such text', replacement: '' };
    await expect(checkModel({ faults: 1, mutation })).rejects.toThrow('is 0 times in the model');
  });
});
