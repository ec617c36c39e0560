/**
 * What a rule finds wrong with one value, before anybody knows in which column it is.
 *
 * @property code stable snake_case, part of what programs rely on
 * @property message one sentence for people that says what to do; never contains the value
 * @property isWarning the value is odd and may be meant: it is reported, and paid
 */
export interface RuleViolation {
  readonly code: string;
  readonly message: string;
  readonly isWarning?: true;
}

/** A rule for one value: nothing when it is right. */
export type ValueRule = (value: string) => RuleViolation | undefined;

export const violation = (code: string, message: string): RuleViolation => ({ code, message });
export const warning = (code: string, message: string): RuleViolation => ({ code, message, isWarning: true });
