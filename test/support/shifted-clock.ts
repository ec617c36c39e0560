/**
 * Loaded before the command line: shifts the wall clock by `CLOCK_SHIFT_MS`, from the start or `CLOCK_SHIFT_AFTER_MS` after it.
 * Monotonic time goes on as it is.
 */
const shiftMs = Number(process.env['CLOCK_SHIFT_MS'] ?? 0);
const afterMs = Number(process.env['CLOCK_SHIFT_AFTER_MS'] ?? 0);
const real = Date.now.bind(Date);
Date.now = () => real() + (performance.now() >= afterMs ? shiftMs : 0);
