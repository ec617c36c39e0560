/** The payout files of a schedule: good rows, bad ones, and record ids that come again with the same or other content. */
import { createHash } from 'node:crypto';
import type { ParseResult } from '../batches/instruction/instruction.ts';
import type { FileRow } from '../batches/pipeline/admit-file.ts';
import type { Manifest, Policy } from '../batches/record/batch.ts';
import type { Dice } from './dice.ts';

export interface SimulatedFile {
  readonly batchId: string;
  readonly policy: Policy;
  readonly manifest: Omit<Manifest, 'policy'>;
  readonly rows: () => AsyncIterable<readonly FileRow[]>;
  readonly rowCount: number;
  /** Of its rows, in their order. */
  readonly readings: readonly ParseResult[];
  readonly hasBadRows: boolean;
}

const goodRow = (recordId: string, amount: number): ParseResult => ({
  ok: true,
  draft: {
    recordId,
    kind: 'payout',
    amountMinor: BigInt(amount),
    currency: 'EUR',
    body: { amount_details: { amount, currency: 'eur' } },
    metadata: undefined,
    destination: 'DE**…3000',
    hasCardNumber: false,
  },
});

const badRow = (recordId: string): ParseResult => ({
  ok: false,
  refusal: {
    recordId,
    kind: 'payout',
    amountMinor: 100n,
    currency: 'EUR',
    problems: [{ code: 'iban_check_digits', column: 'iban', message: 'Correct it.', value: null }],
  },
});

/** @param ids record ids that the files of a schedule draw from, so that some come again */
export function drawFile(dice: Dice, ids: readonly [string, ...string[]]): SimulatedFile {
  const readings: ParseResult[] = [];
  const inFile = new Set<string>();
  const count = dice.between(1, 6);
  for (let index = 0; index < count; index += 1) {
    const recordId = dice.pick(ids);
    // The preflight refuses a record id that is in one file twice.
    if (inFile.has(recordId)) continue;
    inFile.add(recordId);
    readings.push(dice.chance(0.1) ? badRow(recordId) : goodRow(recordId, dice.chance(0.85) ? 1_000 : 2_000));
  }
  return fileOf(readings, dice.chance(0.2) ? 'all-or-nothing' : 'skip');
}

function fileOf(readings: readonly ParseResult[], policy: Policy): SimulatedFile {
  const batchId = createHash('sha256')
    .update(JSON.stringify(readings, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)))
    .digest('hex');
  const rows: readonly FileRow[] = readings.map((reading, index) => ({ line: index + 2, reading }));
  return {
    batchId,
    policy,
    readings,
    manifest: { batchId, file: 'payouts.csv', encoding: 'utf-8', delimiter: ',', bytes: 100, blockDigests: ['d'] },
    async *rows() {
      for (let index = 0; index < rows.length; index += 2) yield rows.slice(index, index + 2);
    },
    rowCount: rows.length,
    hasBadRows: readings.some(({ ok }) => !ok),
  };
}

/** The same bytes as another version of the program reads them: one row has another amount. */
export function readOtherwise(dice: Dice, file: SimulatedFile): SimulatedFile {
  const changed = dice.between(0, file.readings.length - 1);
  const readings = file.readings.map((reading, index) =>
    index === changed && reading.ok ? goodRow(reading.draft.recordId, Number(reading.draft.amountMinor) + dice.pick([-500, 500])) : reading,
  );
  return { ...fileOf(readings, file.policy), batchId: file.batchId, manifest: file.manifest };
}
