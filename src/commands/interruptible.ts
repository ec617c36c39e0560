export interface Interrupt {
  readonly signal: AbortSignal;
  release(): void;
}

/** Aborted by SIGINT, SIGTERM, and an output that cannot be written any more. */
export function interruptible(): Interrupt {
  const controller = new AbortController();
  const stop = (): void => controller.abort();
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const name of signals) process.once(name, stop);
  process.stdout.once('error', stop);
  return {
    signal: controller.signal,
    release() {
      for (const name of signals) process.removeListener(name, stop);
      process.stdout.removeListener('error', stop);
    },
  };
}
