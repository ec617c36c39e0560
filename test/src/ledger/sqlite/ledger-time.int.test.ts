/** Clocks of the machine that step, stop and disagree, under the SQLite ledger. */
import { cpSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { advanceOne } from '../../../../batches/ports/single.ts';
import type { LedgerRecord } from '../../../../batches/record/record.ts';
import { recordIntent } from '../../../../batches/record/transitions.ts';
import { LedgerHeldError } from '../../../../src/ledger/errors.ts';
import { resetClock } from '../../../../src/ledger/sqlite/reset-clock.ts';
import type { SqliteLedger } from '../../../../src/ledger/sqlite/ledger.ts';
import { at, batchA, manifest, transitionSettings } from '../../../support/builders.ts';
import { admitted, moved, step } from '../../../support/ledger-steps.ts';
import { makeDir, openIn, removeDir } from '../data-dir.ts';

const hour = 3_600_000;
const day = 24 * hour;
const terms = { ...transitionSettings, keyLifetimeMs: 12 * hour };

/** A machine: its wall clock can be set, its monotonic one cannot, and a suspension stops only the latter. */
let wall = at;
let monotonic = 1_000;
/** So long that the time since a later start of the machine is less. */
const longUp = 400 * day;
let uptimeMs = longUp;
const pass = (ms: number): void => {
  wall += ms;
  monotonic += ms;
  uptimeMs += ms;
};
const suspend = (ms: number): void => {
  wall += ms;
  uptimeMs += ms;
};

let dir: string;
let ledger: SqliteLedger;
const warnings: string[] = [];
const open = async (): Promise<void> => {
  ledger = await openIn(dir, {
    clock: { now: () => wall },
    monotonic: { now: () => monotonic },
    machine: clocks,
    onWarning: (message) => void warnings.push(message),
  });
};
const restart = async (): Promise<void> => {
  await ledger.close();
  monotonic = 0;
  await open();
};
const clocks = () => ({ wallAt: wall, uptimeMs });
const intent = (record: LedgerRecord) =>
  recordIntent(record, { owner: 'me', at: ledger.now(), leaseMs: 60_000, bytes: Buffer.from('{}'), terms, clocks: clocks() });
let line = 2;
const openSend = async (): Promise<LedgerRecord> => {
  const sent = await moved(ledger, intent(await admitted(ledger, `inv-${line}`, line++)));
  return moved(ledger, step(sent, { status: 'unknown', leaseOwner: null, leaseUntil: null, dueAt: at }));
};
const resend = async (record: LedgerRecord): Promise<string> => {
  const written = await advanceOne(ledger, intent(record));
  return written.ok ? 'written' : written.why;
};

beforeEach(async () => {
  [wall, monotonic, uptimeMs, line] = [at, 1_000, longUp, 2];
  warnings.length = 0;
  dir = makeDir();
  await open();
  await ledger.openBatch(manifest(batchA));
});
afterEach(async () => {
  await ledger.close();
  removeDir(dir);
});

describe("the ledger's time", () => {
  it.each([
    ['set back by an hour', -hour],
    ['set ahead by a day', day],
  ])('runs on monotonic time while the wall clock is %s', (_, stepMs) => {
    const before = ledger.now();
    wall += stepMs;
    expect(ledger.now()).toBe(before);
    pass(250);
    expect(ledger.now()).toBe(before + 250);
  });

  it('never goes back in the next process after a clock that was a year ahead is corrected', async () => {
    wall += 365 * day;
    await restart();
    await openSend();
    const ahead = ledger.now();
    wall -= 365 * day;
    await restart();
    expect(ledger.now()).toBeGreaterThanOrEqual(ahead);
    const first = ledger.now();
    pass(5_000);
    expect(ledger.now()).toBe(first + 5_000);
    // The offset is kept: the third process continues where the second one was.
    await restart();
    expect(ledger.now()).toBeGreaterThanOrEqual(first + 4_000);
    expect(ledger.now()).toBeLessThan(first + 6_000);
  });

  it('is the wall clock again in a process that starts on a right clock after a short stop', async () => {
    await openSend();
    pass(10_000);
    await restart();
    expect(ledger.now()).toBe(wall);
  });
});

describe('a resend', () => {
  it('is made within the key lifetime, by the same process and by the next one', async () => {
    const record = await openSend();
    pass(60_000);
    expect(await resend(record)).toBe('written');
    const other = await openSend();
    pass(hour);
    await restart();
    expect(await resend(other)).toBe('written');
  });

  it('is refused after the lifetime when the wall clock stepped back during a stop, by the time since boot', async () => {
    const record = await openSend();
    pass(2_000);
    await openSend();
    await ledger.close();
    pass(13 * hour);
    // Ahead of the newest time in the ledger, so that only the time since boot shows how long it was.
    wall = at + 5_000;
    monotonic = 0;
    await open();
    expect(await resend(record)).toBe('too_old');
  });

  it('is refused for every send that was made before the wall clock was set back, also by later processes', async () => {
    const record = await openSend();
    pass(60_000);
    await openSend();
    wall -= 20_000;
    expect(await resend(record)).toBe('too_old');
    pass(60_000);
    await restart();
    expect(await resend(record)).toBe('too_old');
    // What is sent after that moment is resent as ever.
    pass(1);
    const later = await openSend();
    pass(10_000);
    expect(await resend(later)).toBe('written');
  });

  it('is refused for sends of a process that ran on a clock which is home again at the next start', async () => {
    wall += day;
    await restart();
    const record = await openSend();
    pass(5_000);
    await openSend();
    await ledger.close();
    wall -= day;
    monotonic = 0;
    await open();
    expect(await resend(record)).toBe('too_old');
  });

  it('is refused for sends that were made before the machine was suspended', async () => {
    const record = await openSend();
    await openSend();
    suspend(24_000);
    expect(await resend(record)).toBe('too_old');
    pass(10);
    const later = await openSend();
    pass(10_000);
    expect(await resend(later)).toBe('written');
  });

  it('is not refused for steps of a clock below its tolerance', async () => {
    const record = await openSend();
    pass(10_000);
    await openSend();
    wall -= 500;
    expect(await resend(record)).toBe('written');
  });
});

describe('a process that is killed right after it opened the ledger', () => {
  /** Goes on with what is on disk at this moment. */
  const kill = async (): Promise<void> => {
    const copy = makeDir();
    cpSync(dir, copy, { recursive: true });
    await ledger.close();
    removeDir(dir);
    dir = copy;
  };
  const startAgain = async (): Promise<void> => {
    monotonic = 0;
    await open();
  };

  it('has noticed that the wall clock is behind after a restart of the machine: no send before is resent once it has passed', async () => {
    const record = await openSend();
    pass(1_000);
    const last = await openSend();
    await ledger.close();
    [wall, uptimeMs] = [at - hour, 10_000];
    await startAgain();
    await kill();
    pass(hour + 5_000);
    await startAgain();
    expect([await resend(record), await resend(last)]).toEqual(['too_old', 'too_old']);
  });

  it('has noticed it also for the last sends, which are newer than the time that is kept', async () => {
    await openSend();
    pass(300);
    const last = await openSend();
    await ledger.close();
    [wall, uptimeMs] = [at - hour, 10_000];
    await startAgain();
    await kill();
    pass(hour + 5_000);
    await startAgain();
    expect(await resend(last)).toBe('too_old');
  });

  it('has noticed a step that only the uptime shows, also after a restart of the machine', async () => {
    const record = await openSend();
    pass(2_000);
    await openSend();
    await ledger.close();
    pass(13 * hour);
    wall = at + 5_000;
    await startAgain();
    await kill();
    [wall, uptimeMs] = [at + 7_000, 10_000];
    await startAgain();
    expect(await resend(record)).toBe('too_old');
  });
});

describe('a reset of the time', () => {
  const me = { clock: { now: () => wall }, host: 'here' };

  it('brings the ledger back to the wall clock; what was sent is never resent, what is sent later is', async () => {
    wall += 365 * day;
    await restart();
    const record = await openSend();
    await moved(ledger, step(record, { dueAt: ledger.now() + hour }));
    wall -= 365 * day;
    await ledger.close();
    expect(resetClock(dir, me)).toBeGreaterThan(364 * day);
    pass(1_000);
    monotonic = 0;
    await open();
    expect(ledger.now()).toBe(wall);
    const found = await ledger.record(record.recordId);
    expect(found?.dueAt).toBeLessThanOrEqual(wall);
    expect(found?.keyLifetimeMs).toBeNull();
    if (found !== undefined) expect(await resend(found)).toBe('too_old');
    const later = await openSend();
    pass(10_000);
    expect(await resend(later)).toBe('written');
  });

  it('is refused while a process pays from the ledger', () => {
    expect(() => resetClock(dir, me)).toThrow(LedgerHeldError);
  });
});

describe('deletion', () => {
  const ended = async (): Promise<void> => {
    const record = await admitted(ledger, `inv-${line}`, line++);
    await moved(ledger, step(record, { status: 'rejected', reason: { code: 'c', description: 'd' } }));
  };

  it('stops while the wall clock is more than an hour from the time of the ledger, and reports it once', async () => {
    await ended();
    pass(hour / 2);
    wall += 400 * day;
    expect(await ledger.purgeDetails({ olderThanMs: 300 * day, limit: 9 })).toBe(0);
    expect(await ledger.purgeDetails({ olderThanMs: 0, limit: 9 })).toBe(0);
    expect(warnings).toEqual([expect.stringContaining('nothing is deleted from the ledger until they agree')]);
    wall -= 400 * day;
    pass(1_000);
    expect(await ledger.purgeDetails({ olderThanMs: 0, limit: 9 })).toBe(1);
  });
});

describe('a wall clock that is set back while no process runs', () => {
  const afterRestartOfMachine = async (): Promise<LedgerRecord> => {
    const sent = await openSend();
    // The uptime at the send says nothing any more.
    uptimeMs = 10_000;
    pass(1_000);
    await restart();
    await openSend();
    return sent;
  };

  it('is noticed by the uptime of the machine: no send before is resent', async () => {
    const sent = await afterRestartOfMachine();
    uptimeMs += 13 * hour;
    await restart();
    expect(await resend(sent)).toBe('too_old');
  });

  it('is the control: without the step the same send is resent', async () => {
    const sent = await afterRestartOfMachine();
    pass(hour);
    await restart();
    expect(await resend(sent)).toBe('written');
  });
});
