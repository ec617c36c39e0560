/**
 * How long tests wait for a condition, for `vi.waitFor` and `expect.poll`, whose own second is too short for a busy
 * machine. A bound and not an expectation: what holds is gone on with at once.
 */
export const patience = { timeout: 30_000, interval: 10 };
