/** Records that are not final, as text: the first few by name, each with its reason. */
import type { Reason } from '../../batches/record/record.ts';
import { counted, printable } from './format.ts';

export interface OpenRecord {
  readonly line: number;
  readonly recordId: string;
  /** Null: the gateway has not finished it. */
  readonly reason: Reason | null;
}

const sentences = {
  unknown: (records: string) => `${records} unknown: may have been paid. Check the gateway before paying again.`,
  in_progress: (records: string) => `${records} still processing at the gateway. Run the same command again later to check on them.`,
} as const;

/** @property count how many there are, of which `shown` are named */
interface OpenRecords {
  readonly batchId: string;
  readonly status: keyof typeof sentences;
  readonly count: number;
  readonly shown: readonly OpenRecord[];
}

export function openRecordsText({ batchId, status, count, shown }: OpenRecords): string {
  const lines = shown.map(({ line, recordId, reason }) => {
    const { code, description } = reason ?? { code: status, description: 'the gateway has not finished it' };
    return `  line ${line}, ${recordId}: ${printable(description)} [${printable(code)}]`;
  });
  const more =
    count > shown.length
      ? [`  … and ${count - shown.length} more; list all: disburse records --batch ${batchId.slice(0, 12)} --status ${status}`]
      : [];
  return [sentences[status](counted(count, 'record is', 'records are')), ...lines, ...more].join('\n');
}
