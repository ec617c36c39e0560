/**
 * How a command ends. The codes are part of the contract with scripts: 0 success; 1 usage, configuration or input error,
 * nothing was sent; 2 finished, some records need attention; 3 stopped before the end, nothing is lost, run it again.
 */
export const exitCodes = { ok: 0, usage: 1, needsAttention: 2, stopped: 3 } as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** An expected end: its message is a complete sentence for people, so no stack is shown. */
export class CommandError extends Error {
  readonly exitCode: ExitCode;
  constructor(exitCode: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CommandError';
    this.exitCode = exitCode;
  }
}
