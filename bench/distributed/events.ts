/** The payouts of the benchmark's file as instruction events: same ids, same bodies. */
import { payoutFile } from '../make-file.ts';
import { payoutBody, type PayoutRow } from '../peers/payout.ts';
import { plainRow, plainRows } from '../plain-rows.ts';

export interface InstructionMessage {
  readonly key: string;
  readonly value: string;
}

/** The event of a row. `metadata` is what disburse itself adds when it sends. */
export function eventOf(row: PayoutRow): object {
  const { metadata: _ours, ...body } = payoutBody(row, '');
  return { record_id: row.record_id, kind: 'payout', ...body };
}

/** Made as they are taken. The file's cells hold no comma, quote or line break. */
export function* instructionMessages(count: number, seed?: number): Generator<InstructionMessage, void, undefined> {
  let isHeader = true;
  for (const chunk of payoutFile(count, seed)) {
    for (const line of chunk.trimEnd().split('\n')) {
      if (isHeader) {
        isHeader = false;
        continue;
      }
      yield messageOf(plainRow(line));
    }
  }
}

const messageOf = (row: PayoutRow): InstructionMessage => ({ key: row.record_id, value: JSON.stringify(eventOf(row)) });

export const messagesOfFile = (text: string): readonly InstructionMessage[] => plainRows(text).map(messageOf);

/** From 0, in the order in which they are made: `pay-00000001` is 0. */
export const indexOfRecord = (recordId: string): number => Number(recordId.slice('pay-'.length)) - 1;
