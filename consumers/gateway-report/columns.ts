/** The columns of the report, in any order and case. Source: docs/gateway.md. */
import { maskName } from '../../batches/instruction/masks.ts';
import { structural, type StructuralError } from '../csv/structural-error.ts';

const needed = {
  operationId: 'operationId',
  transactionDate: 'transactionDate',
  typeOfPayment: 'typeOfPayment',
  sessionId: 'paymentSessionId',
  merchantMetadata: 'paymentSessionMerchantMetadata',
  amount: 'paymentLocalAmount',
  currency: 'Currency amount',
} as const;

type NeededColumn = keyof typeof needed;

/** Where each column is, from 0. */
export type Columns = Readonly<Record<NeededColumn, number>> & {
  readonly finishedAt: number | undefined;
  readonly others: readonly { readonly name: string; readonly index: number }[];
  /** As the header spells them. */
  readonly names: readonly string[];
};

const squeeze = (name: string): string => name.toLowerCase().replace(/[\s_-]/g, '');
const neededNames = Object.entries(needed) as [NeededColumn, string][];

/** @param line of the header @throws StructuralError that names every column that is missing */
export function readColumns(header: readonly string[], line: number): Columns {
  const names = header.map((name) => name.trim());
  const indexes = new Map<string, number>();
  for (const [index, name] of names.entries()) {
    if (name === '') continue;
    if (indexes.has(squeeze(name)))
      throw structural(line, 'column_twice', `The column ${maskName(name)} is there twice: remove one of them.`);
    indexes.set(squeeze(name), index);
  }
  const missing = neededNames.filter(([, name]) => !indexes.has(squeeze(name))).map(([, name]) => name);
  if (missing.length > 0) throw missingColumns(missing, line);
  const indexOf = (name: string): number => indexes.get(squeeze(name)) ?? -1;
  const own = new Set([...neededNames.map(([, name]) => squeeze(name)), 'finishedat']);
  return {
    operationId: indexOf(needed.operationId),
    transactionDate: indexOf(needed.transactionDate),
    typeOfPayment: indexOf(needed.typeOfPayment),
    sessionId: indexOf(needed.sessionId),
    merchantMetadata: indexOf(needed.merchantMetadata),
    amount: indexOf(needed.amount),
    currency: indexOf(needed.currency),
    finishedAt: indexes.get('finishedat'),
    others: [...indexes].filter(([name]) => !own.has(name)).map(([, index]) => ({ name: names[index] ?? '', index })),
    names,
  };
}

/** How many of the needed columns a header has. */
export function countNeeded(header: readonly string[]): number {
  const names = new Set(header.map(squeeze));
  return neededNames.filter(([, name]) => names.has(squeeze(name))).length;
}

function missingColumns(missing: readonly string[], line: number): StructuralError {
  if (missing.length === neededNames.length)
    return structural(
      line,
      'not_a_report',
      `This is no daily payouts report: its first line has none of the columns ${missing.join(', ')}.`,
    );
  const [what, verb] = missing.length === 1 ? ['column', 'is'] : ['columns', 'are'];
  return structural(
    line,
    'column_missing',
    `The ${what} ${missing.join(', ')} ${verb} missing: download the report again with all columns, and do not edit it.`,
  );
}
