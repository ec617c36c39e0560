/**
 * How a command ends. The codes are part of the contract with scripts:
 * 0 all well; 1 usage, configuration or unreadable input, nothing was sent; 2 finished, some records need a
 * look; 3 stopped before the end, nothing is lost, run it again.
 */
export const exitCodes = { ok: 0, usage: 1, needsALook: 2, stopped: 3 } as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** An end that was foreseen: its message is for people and complete, so no stack is shown. */
export class CommandError extends Error {
  readonly exitCode: ExitCode;
  constructor(exitCode: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CommandError';
    this.exitCode = exitCode;
  }
}
