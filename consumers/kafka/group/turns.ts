/** Spreads work over turns of the event loop, so that a burst of it does not hold up timers and sockets. */

/**
 * Lets `perTurn` callers pass in each turn; the others wait for a later one, first come first served.
 *
 * @returns asked before each piece of work: undefined when it may be done at once, which costs no turn of the queue of
 *   promises, and otherwise resolves when it may
 */
export function createTurns(perTurn: number): () => Promise<void> | undefined {
  let left = perTurn;
  let isScheduled = false;
  const waiting: (() => void)[] = [];

  const nextTurn = (): void => {
    isScheduled = false;
    const served = waiting.splice(0, perTurn);
    left = perTurn - served.length;
    for (const pass of served) pass();
    if (served.length > 0) schedule();
  };
  const schedule = (): void => {
    if (isScheduled) return;
    isScheduled = true;
    setImmediate(nextTurn);
  };

  return () => {
    schedule();
    if (left === 0) return new Promise((resolve) => void waiting.push(resolve));
    left -= 1;
    return undefined;
  };
}
