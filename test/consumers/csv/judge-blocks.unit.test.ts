import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readCells } from '../../../consumers/csv/cells.ts';
import { judgeBlocks, type Judges } from '../../../consumers/csv/judge-blocks.ts';
import { createPlainReader } from '../../../consumers/csv/plain-rows.ts';
import { createRecordCutter, type TextBlock } from '../../../consumers/csv/records.ts';
import { createRowMaker, type CsvRow } from '../../../consumers/csv/rows.ts';
import { StructuralError, structural } from '../../../consumers/csv/structural-error.ts';

type Rows = readonly CsvRow[];

function cutInto(pieces: readonly string[]): TextBlock[] {
  const cutter = createRecordCutter(0, (text) => Buffer.byteLength(text));
  return [...pieces.map((piece) => cutter.push(piece)), cutter.end()].filter((block) => block !== undefined);
}

async function* given(blocks: readonly TextBlock[], fault?: Error): AsyncGenerator<TextBlock> {
  for (const block of blocks) yield await Promise.resolve(block);
  if (fault !== undefined) throw fault;
}

/** What a reading of blocks hands out, and how it ends. */
async function readAll(header: readonly string[], blocks: AsyncGenerator<TextBlock>, elsewhere?: Judges<Rows>['elsewhere']) {
  const maker = createRowMaker(header, ',');
  const reader = {
    plain: createPlainReader(header, ','),
    rowsOf: (block: TextBlock) => maker.take(readCells(block, ',', (text) => Buffer.byteLength(text))),
    passed: () => maker.passed(),
  };
  const rows: CsvRow[] = [];
  let problems: unknown;
  try {
    for await (const found of judgeBlocks(blocks, reader, { here: (read) => read, ...(elsewhere === undefined ? {} : { elsewhere }) })) {
      rows.push(...found);
    }
  } catch (cause) {
    if (!(cause instanceof StructuralError)) throw cause;
    ({ problems } = cause);
  }
  return { rows, problems, warnings: maker.warnings() };
}

/** Answers after some turns of the event loop, so in another order than it was asked. */
const answering = (plain: (block: TextBlock) => Rows | undefined, turns: readonly number[]): NonNullable<Judges<Rows>['elsewhere']> => {
  let asked = 0;
  return (block) => {
    const wait = turns[asked % turns.length] as number;
    asked += 1;
    if (wait < 0) return undefined;
    return (async () => {
      for (let turn = 0; turn < wait; turn += 1) await nextTurn();
      return plain(block as TextBlock);
    })();
  };
};

it('hands out the same rows, warnings and faults when another reader answers late, in another order, or not for all blocks', async () => {
  const odd = fc.string({ unit: fc.constantFrom('a', 'é', ',', '\n', '\r\n', '"', '""', "'=", '\0', ' '), maxLength: 6 });
  const row = fc.constantFrom('a,1\n', 'é,2\r\n', '"a","b\nc"\n', '"say ""x""",\n', "'=1,2\n", ',\n', '\n', 'a,1,2\n');
  const piece = fc.oneof({ arbitrary: row, weight: 6 }, { arbitrary: odd, weight: 1 });
  const header = fc.constantFrom(['id', 'amount'], ['id', 'error']);
  const turns = fc.array(fc.integer({ min: -1, max: 4 }), { minLength: 1, maxLength: 5 });
  let plainBlocks = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 24 }), header, turns, async (pieces, columns, waits) => {
      const blocks = cutInto(pieces);
      const plain = createPlainReader(columns, ',');
      plainBlocks += blocks.filter((block) => block.end === 'whole' && plain(block) !== undefined).length;
      const alone = await readAll(columns, given(blocks));
      const together = await readAll(columns, given(blocks), answering(plain, waits));
      expect(together).toEqual(alone);
    }),
    { numRuns: 1500 },
  );
  expect(plainBlocks).toBeGreaterThan(4000);
});

it('reports the fault of a block that is still being read before the fault that ended the reading', async () => {
  const blocks = cutInto(['x,1\n', 'a"b,2\n', 'y,3\n']);
  const late = answering(createPlainReader(['id', 'amount'], ','), [3]);
  const { rows, problems } = await readAll(['id', 'amount'], given(blocks, structural(9, 'encoding_invalid', 'later')), late);
  expect(rows.map(({ line }) => line)).toEqual([1]);
  expect(problems).toMatchObject([{ line: 2, code: 'quote_bare' }]);
});

it('fails with what the other reader fails with', async () => {
  const failing = readAll(['id', 'amount'], given(cutInto(['x,1\n', 'y,2\n'])), () => Promise.reject(new Error('the thread ended')));
  await expect(failing).rejects.toThrow('the thread ended');
});

it('keeps at most 16 blocks that wait for one before them', async () => {
  const blocks = cutInto(Array.from({ length: 40 }, (_, index) => `r${index},1\n`));
  let asked = 0;
  let answerFirst: (rows: undefined) => void = () => undefined;
  const reading = readAll(['id', 'amount'], given(blocks), () => {
    asked += 1;
    return asked === 1 ? new Promise((resolve) => (answerFirst = resolve)) : Promise.resolve(undefined);
  });
  for (let turn = 0; turn < 100; turn += 1) await nextTurn();
  expect(asked).toBe(17);
  answerFirst(undefined);
  expect((await reading).rows).toHaveLength(40);
});
