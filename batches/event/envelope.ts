/** The members around the gateway's body that name an event: its record id and its batch. */
import { cardNumberMisplaced, carriesCardNumber } from '../fields/cards.ts';
import { checkRecordId, hasRecordIdGrammar } from '../fields/identifiers.ts';
import { violation, type RuleViolation } from '../fields/rule-violation.ts';
import type { InvalidInstruction, JsonObject, Problem } from '../instruction/instruction.ts';
import { maskName } from '../instruction/masks.ts';

/** The record id under which an event can be answered; undefined when it cannot be used. */
export const usableRecordId = (text: unknown): string | undefined =>
  typeof text === 'string' && checkRecordId(text) === undefined && !carriesCardNumber(text) ? text : undefined;

export const checkBatchId = (batchId: string): RuleViolation | undefined => {
  if (!hasRecordIdGrammar(batchId))
    return violation('batch_id_format', 'A batch id consists of 1 to 64 of the characters A-Z a-z 0-9 . _ : -');
  if (/^[0-9a-f]{64}$/i.test(batchId))
    return violation('batch_id_reserved', 'A batch id of 64 hexadecimal digits is reserved for files: choose another one.');
  return carriesCardNumber(batchId) ? cardNumberMisplaced : undefined;
};

/** An event that is not looked at any further, under what can be read of its envelope. */
export function refusedUnread(event: JsonObject, problems: readonly [Problem, ...Problem[]]): InvalidInstruction {
  const batchId = event['batch_id'];
  return {
    recordId: usableRecordId(event['record_id']),
    kind: undefined,
    amountMinor: undefined,
    currency: undefined,
    problems,
    ...(typeof batchId === 'string' && checkBatchId(batchId) === undefined ? { batchId } : {}),
  };
}

const twice = (path: readonly string[]): Problem => ({
  code: 'member_twice',
  column: maskName(path.join('.')),
  message: 'This member appears twice, and programs disagree on which one counts: keep one of them.',
  value: null,
});

/** An event with members twice: what they name cannot be read, the record id included. */
export function refusedDuplicates(event: JsonObject, paths: readonly (readonly string[])[]): InvalidInstruction {
  const ambiguous = new Set(paths.flatMap(([first, ...rest]) => (first !== undefined && rest.length === 0 ? [first] : [])));
  const certain = Object.fromEntries(Object.entries(event).filter(([name]) => !ambiguous.has(name)));
  // A record id that appears twice is the reason that counts: there is nothing to answer under.
  const [first = [], ...others] = [...paths].sort((a, b) => Number(b.join('.') === 'record_id') - Number(a.join('.') === 'record_id'));
  return refusedUnread(certain, [twice(first), ...others.map(twice)]);
}
