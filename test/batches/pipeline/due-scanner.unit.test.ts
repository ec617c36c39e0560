import { expect, it } from 'vitest';
import { createDueScanner } from '../../../batches/pipeline/due-scanner.ts';

function scannerWith(nextAt: (batchId: string) => number | null) {
  const asked: string[] = [];
  const ledger = {
    due: async ({ batchId }: { batchId: string }) => {
      asked.push(batchId);
      return { records: [], nextAt: nextAt(batchId) };
    },
  };
  return { asked, scanner: createDueScanner({ ledger, clock: { now: () => 1_000 } }) };
}

it('the due worker queries a batch without due records once', async () => {
  const { asked, scanner } = scannerWith(() => null);
  scanner.add('a');
  await scanner.due(10);
  await scanner.due(10);
  expect(asked).toEqual(['a']);
});

it('the due worker does not query a batch before its next record is due', async () => {
  const { asked, scanner } = scannerWith(() => 5_000);
  scanner.add('a');
  expect((await scanner.due(10)).nextAt).toBe(5_000);
  await scanner.due(10);
  expect(asked).toEqual(['a']);
});

it('a batch whose rows are being sent is asked about each time, and once more when it is released', async () => {
  const { asked, scanner } = scannerWith(() => null);
  const release = scanner.hold('a');
  await scanner.due(10);
  await scanner.due(10);
  release();
  await scanner.due(10);
  await scanner.due(10);
  expect(asked).toEqual(['a', 'a', 'a']);
});
