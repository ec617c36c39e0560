/** What a load ends with. */

export interface Verdict {
  readonly load: 'steady' | 'file' | 'backlog';
  /** What does not hold of the accounts: any of it is a fault. */
  readonly problems: readonly string[];
  /** Aims that this machine did not reach. */
  readonly missed: readonly string[];
  /** In one line. */
  readonly text: string;
  readonly figures: Readonly<Record<string, unknown>>;
}

export const exitCodes = { holds: 0, fault: 1, missed: 2 } as const;

export const exitCodeOf = ({ problems, missed }: Verdict): number =>
  problems.length > 0 ? exitCodes.fault : missed.length > 0 ? exitCodes.missed : exitCodes.holds;

export function lineOf({ load, text, problems, missed }: Verdict): string {
  const accounts = problems.length === 0 ? 'every record is paid once and has one final result' : `DOES NOT HOLD: ${problems.join('; ')}`;
  return `${load}: ${text}; ${accounts}${missed.length === 0 ? '' : `; aims missed: ${missed.join('; ')}`}`;
}
