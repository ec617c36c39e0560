/**
 * What a rule finds wrong with one value, before anybody knows in which column it stood.
 *
 * @property code stable snake_case, part of what programs rely on
 * @property message one sentence for people that says what to do; never contains the value
 */
export interface RuleViolation {
  readonly code: string;
  readonly message: string;
}

/** A rule for one value: nothing when it is right. */
export type ValueRule = (value: string) => RuleViolation | undefined;

export const violation = (code: string, message: string): RuleViolation => ({ code, message });
