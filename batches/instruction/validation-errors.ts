/**
 * Where the rules put what they find. The rules know members; only the reader of a row or an event knows how its column
 * or path is called, so it makes the findings and they do the naming and the masking.
 */
import { members, type Mask } from './members.ts';
import type { RuleViolation } from '../fields/rule-violation.ts';
import type { Problem } from './instruction.ts';
import { maskCard, maskIban, maskTail, maskVerbatim } from './masks.ts';

export interface ValidationErrors {
  /** What is wrong with the value of a member. */
  value(slot: number, value: string | undefined, found: RuleViolation): void;
  /** A member that should be filled. @param why what needs it, as in "SEPA needs" */
  missing(slot: number, why: string): void;
  /** What is wrong with the whole, or with a column that is no member's. */
  addRecordError(found: RuleViolation, column?: string): void;
  /** How a member is called in this row or event, for messages. */
  nameOf(slot: number): string;
  /** Its column or path, as a problem names it; null when the file has no such column. */
  columnOf(slot: number): string | null;
}

/** A value as a problem may show it. */
const shown = (mask: Mask, value: string | undefined): string | null => {
  if (value === undefined || value === '') return null;
  switch (mask) {
    case 'verbatim':
      return maskVerbatim(value);
    case 'iban':
      return maskIban(value) ?? null;
    case 'card':
      return maskCard(value) ?? null;
    case 'tail':
      return maskTail(value) ?? null;
    case 'nothing':
      return null;
  }
};

/**
 * @property add takes each problem as it is found
 * @property warn takes what is odd and may be meant
 * @property columnOf the column of a member as the problem names it; null when the file has no such column
 * @property nameOf how a member is called in messages
 */
interface ValidationErrorsParams {
  readonly add: (problem: Problem) => void;
  readonly warn: (problem: Problem) => void;
  readonly columnOf: (slot: number) => string | null;
  readonly nameOf: (slot: number) => string;
}

export const createValidationErrors = ({ add, warn, columnOf, nameOf }: ValidationErrorsParams): ValidationErrors => {
  const put = ({ isWarning }: RuleViolation, problem: Problem): void => (isWarning === true ? warn(problem) : add(problem));
  const maskOf = (slot: number): Mask => members[slot]?.mask ?? 'nothing';
  return {
    nameOf,
    columnOf,
    value: (slot, value, found) => {
      put(found, { code: found.code, column: columnOf(slot), message: found.message, value: shown(maskOf(slot), value) });
    },
    missing: (slot, why) => {
      add({ code: 'member_missing', column: columnOf(slot), message: `${why} ${nameOf(slot)}: fill it in.`, value: null });
    },
    addRecordError: (found, column) => {
      put(found, { code: found.code, column: column ?? null, message: found.message, value: null });
    },
  };
};
