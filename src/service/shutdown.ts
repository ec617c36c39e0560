/** How a run is stopped from outside or by itself: one signal; the first reason is kept. */

export interface Shutdown {
  readonly signal: AbortSignal;
  /** Why; null while nothing stops. */
  why(): string | null;
  /** What a person has to correct before it is started again; null where starting it again is enough. */
  remedy(): string | null;
  stop(why: string, remedy?: string): void;
  /** It was not asked for from outside. */
  failed(): boolean;
  /** Gives the process its signals back. */
  release(): void;
}

/** The first Ctrl-C lets what is in flight end; the second leaves at once. */
export function createShutdown(onFirst: (signal: string) => void, leave: () => never): Shutdown {
  const controller = new AbortController();
  let why: string | null = null;
  let remedy: string | null = null;
  const stop = (reason: string, correct?: string): void => {
    if (why === null) remedy = correct ?? null;
    why ??= reason;
    controller.abort(new Error(reason));
  };
  let asked = false;
  const listener = (signal: NodeJS.Signals): void => {
    if (asked) leave();
    asked = true;
    onFirst(signal);
    stop(`interrupted by ${signal}`);
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, listener);
  return {
    signal: controller.signal,
    why: () => why,
    remedy: () => remedy,
    failed: () => why !== null && !asked,
    stop,
    release() {
      for (const signal of signals) process.removeListener(signal, listener);
    },
  };
}
