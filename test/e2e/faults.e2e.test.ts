/** A gateway with one fault at a time: where each leads, and that no record ever has two sessions. */
import { chmodSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../sandbox/clock.ts';
import { csvOf, payouts, row } from '../support/builders.ts';
import { countsOf, inWorld, otherPair, ourPair, until, type World } from './world.ts';
import { done } from './scripted-world.ts';

const inits = (world: World) => world.sandbox.calls().filter(({ method }) => method.startsWith('session/init/'));
const methodsOf = (world: World): Set<string> => new Set(world.sandbox.calls().map(({ method }) => method));

/** Every call of a record went out under one key, and no record has two sessions. */
function expectNoDoubles(world: World): void {
  const keys = new Map<string | null, Set<string | null>>();
  // A call whose signature is not believed is not read.
  for (const call of inits(world).filter(({ record_id }) => record_id !== null))
    keys.set(call.record_id, (keys.get(call.record_id) ?? new Set()).add(call.idempotency_key));
  for (const [recordId, used] of keys) expect([...used], String(recordId)).toHaveLength(1);
  const sessions = world.sandbox.payments().map((one) => one.record_id);
  expect(new Set(sessions).size).toBe(sessions.length);
}

describe.concurrent('an answer that is lost', () => {
  it('is resent under the same key, and the record stays unknown because the gateway has it', async ({ expect }) => {
    await inWorld({ faults: 'lost-answer=1' }, async (world) => {
      const path = world.write('may.csv', csvOf(payouts(3)));
      const ran = await world.run(path);
      expect(ran.code).toBe(2);
      expect(countsOf(ran.summary)).toEqual({ unknown: 3 });
      expect(ran.stderr).toContain('3 records are unknown');
      expect(ran.stderr).toContain('idempotency_key_already_exists');
      for (const recordId of ['p-1', 'p-2', 'p-3']) {
        const own = inits(world).filter(({ record_id }) => record_id === recordId);
        expect(own.map(({ outcome }) => outcome)).toEqual(['lost-answer', 'idempotency_key_already_exists']);
      }
      expect(inits(world)).toHaveLength(6);
      expectNoDoubles(world);
      const again = await world.run(path);
      expect(again.code).toBe(2);
      expect(inits(world)).toHaveLength(6);
    });
  });

  it('of a body with a card number is resent only by the process that sent it', async ({ expect }) => {
    await inWorld({ faults: 'lost-request=1' }, async (world) => {
      const path = world.write('card.csv', csvOf([row('c-1', {}, 'payout', 'card')]));
      const first = await world.runUntil('a resend', () => inits(world).length > 1, path);
      expect(countsOf(first.summary)).toEqual({ unknown: 1 });
      const sends = inits(world).length;
      const again = await world.run(path, ['--wait', '40s']);
      expect(again.stderr).toContain('a body with a card number is never stored');
      expect(inits(world)).toHaveLength(sends);
    });
  });

  it('is never resent without a known key lifetime', async ({ expect }) => {
    await inWorld({ faults: 'lost-answer=1' }, async (world) => {
      const forgotten = await world.run(world.write('sepa.csv', csvOf(payouts(1))), [], { GATEWAY_KEY_LIFETIME: '1s' });
      expect(countsOf(forgotten.summary)).toEqual({ unknown: 1 });
      expect(forgotten.stderr).toContain('the gateway may have forgotten the key');
      expect(inits(world)).toHaveLength(1);
    });
  });
});

describe.concurrent('a call that fails before it is recorded', () => {
  it.for(['lost-request=0.3', 'http-500=0.3'])('%s is resent with the same key until it is accepted', async (faults, { expect }) => {
    await inWorld({ faults, seed: 4 }, async (world) => {
      const ran = await world.run(world.write('may.csv', csvOf(payouts(8))));
      expect(countsOf(ran.summary)).toEqual({ succeeded: 8 });
      expect(ran.code).toBe(0);
      expect(inits(world).length).toBeGreaterThan(8);
      expect(world.events().some(({ status, error }) => status === 'unknown' && error !== undefined)).toBe(true);
      expectNoDoubles(world);
    });
  });

  it('http-429 is obeyed: nothing is sent before the gateway allows it', async ({ expect }) => {
    await inWorld({ faults: 'http-429=0.4', seed: 5 }, async (world) => {
      const ran = await world.run(world.write('may.csv', csvOf(payouts(5))), [], { DISPATCH_CONCURRENCY: '1' });
      expect(countsOf(ran.summary)).toEqual({ succeeded: 5 });
      expect(ran.code).toBe(0);
      const calls = inits(world).toSorted((a, b) => a.at - b.at);
      const gaps = calls.slice(1).map((call, index) => ({ after: calls[index]?.outcome, ms: call.at - (calls[index]?.at ?? 0) }));
      const held = gaps.filter(({ after }) => after === 'too_many_requests');
      expect(held.length).toBeGreaterThan(0);
      for (const { ms } of held) expect(ms).toBeGreaterThanOrEqual(999);
      // What was told to wait was surely not sent: no open record on the way.
      expect(world.events().some(({ status }) => status === 'unknown')).toBe(false);
      expectNoDoubles(world);
    });
  });
});

describe.concurrent('an answer that comes late', () => {
  it('within the timeout ends the record like any other', async ({ expect }) => {
    await inWorld({ faults: 'slow=1' }, async (world) => {
      const ran = await world.run(world.write('may.csv', csvOf(payouts(3))));
      expect(countsOf(ran.summary)).toEqual({ succeeded: 3 });
      expect(ran.code).toBe(0);
    });
  });

  it('after the timeout leaves the record open, never failed', async ({ expect }) => {
    // Ten times as late: what has come when a process wakes that was held up for longer than the timeout is still read.
    const setAlarm: typeof systemClock.setAlarm = (delayMs, ring) => systemClock.setAlarm(10 * delayMs, ring);
    await inWorld({ faults: 'slow=1', clock: { ...systemClock, setAlarm } }, async (world) => {
      const ran = await world.run(world.write('may.csv', csvOf(payouts(2))), ['--wait', '8s'], { GATEWAY_TIMEOUT_MS: '300' });
      expect(countsOf(ran.summary)).toEqual({ unknown: 2 });
      expect([2, 3]).toContain(ran.code);
      expect(world.events().every(({ status }) => status === 'unknown')).toBe(true);
      expectNoDoubles(world);
    });
  });
});

describe.concurrent('a gateway that refuses an instruction', () => {
  it('at once ends the record failed, and its duplicate needs attention too', async ({ expect }) => {
    await inWorld({ faults: 'refuse=1' }, async (world) => {
      const rows = payouts(3);
      const ran = await world.run(world.write('may.csv', csvOf(rows)));
      expect(ran.code).toBe(2);
      expect(countsOf(ran.summary)).toEqual({ failed: 3 });
      expect(world.events().map(({ status, attempt }) => [status, attempt])).toEqual(rows.map(() => ['failed', 1]));
      expect(world.events().every(({ error }) => error !== undefined && error.code !== 'code_unlisted')).toBe(true);
      const copy = await world.run(world.write('copy.csv', csvOf(rows.toReversed())));
      expect(copy.code).toBe(2);
      expect(countsOf(copy.summary)).toEqual({ duplicate: 3 });
      expect(inits(world)).toHaveLength(3);
      expect(world.sandbox.payments()).toEqual([]);
    });
  });

  it('later ends the record failed, with the reason of the gateway', async ({ expect }) => {
    await inWorld({ faults: 'fail-later=1' }, async (world) => {
      const ran = await world.run(world.write('may.csv', csvOf(payouts(8))));
      expect(ran.code).toBe(2);
      expect(countsOf(ran.summary)).toEqual({ failed: 8 });
      const failed = world.events().filter(({ status }) => status === 'failed');
      expect(failed.every(({ error, session_id, entry_id }) => error && session_id && entry_id)).toBe(true);
      expect(world.sandbox.payments().every((one) => one.entry_status === 'failed')).toBe(true);
      expectNoDoubles(world);
    });
  });
});

describe.concurrent('a gateway that shows another amount', () => {
  it('is never confirmed: the session is cancelled, and an alert is raised', async ({ expect }) => {
    await inWorld({ faults: 'wrong-amount=1' }, async (world) => {
      const ran = await world.run(world.write('may.csv', csvOf(payouts(4))));
      expect(ran.code).toBe(2);
      expect(countsOf(ran.summary)).toEqual({ cancelled: 4 });
      expect(methodsOf(world)).not.toContain('session/confirm');
      expect(world.sandbox.payments().map((one) => one.status)).toEqual(['cancelled', 'cancelled', 'cancelled', 'cancelled']);
      expect(ran.stderr).toContain('ALERT');
      expect(
        world
          .events()
          .filter(({ final }) => final)
          .map(({ error }) => error?.code),
      ).toEqual(Array(4).fill('evidence_mismatch'));
    });
  });

  it('is not believed when it reports succeeded', async ({ expect }) => {
    await inWorld({ faults: 'wrong-amount=1', confirm: 'auto' }, async (world) => {
      const ran = await world.run(world.write('may.csv', csvOf(payouts(2))));
      expect(ran.code).toBe(2);
      expect(countsOf(ran.summary)).toEqual({ unknown: 2 });
      expect(ran.stderr).toContain('evidence_mismatch');
      expect(ran.stderr).toContain('ALERT');
    });
  });
});

describe.concurrent('a set-up that is wrong', () => {
  it('stops the run with a sentence, and after the correction every row is paid', async ({ expect }) => {
    await inWorld({ publicKeyPem: otherPair.publicKey }, async (world) => {
      const path = world.write('may.csv', csvOf(payouts(50)));
      const ran = await world.run(path);
      expect(ran.code).toBe(3);
      expect(ran.stderr).toContain('the gateway rejects the configuration (authentication_error)');
      expect(ran.stderr).toContain(`GATEWAY_PRIVATE_KEY_FILE (${world.env['GATEWAY_PRIVATE_KEY_FILE']})`);
      expect(ran.stderr).toContain('the public key that the gateway has');
      expect(ran.stderr).toContain('repeating the command does not help');
      expect(ran.stderr).not.toContain('Run the same command again');
      expect(ran.summary.state).toBe('stopped');
      expect(Object.keys(countsOf(ran.summary))).toEqual(['queued']);
      expect(world.events()).toEqual([]);

      const path2 = world.write('right.pem', otherPair.privateKey);
      const again = await world.run(path, [], { GATEWAY_PRIVATE_KEY_FILE: path2 });
      expect(again.code).toBe(0);
      expect(countsOf(again.summary)).toEqual({ succeeded: 50 });
      expectNoDoubles(world);
    });
  });

  it('such as another service behind the URL stops the run after few rows', async ({ expect }) => {
    await inWorld({}, async (world) => {
      const path = world.write('may.csv', csvOf(payouts(50)));
      const { createServer } = await import('node:http');
      const server = createServer((_request, response) => response.writeHead(404, { 'content-type': 'text/html' }).end('<h1>no</h1>'));
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as { port: number };
      const ran = await world.run(path, [], { GATEWAY_URL: `http://127.0.0.1:${port}`, DISPATCH_CONCURRENCY: '2' });
      server.closeAllConnections();
      server.close();
      expect(ran.code).toBe(3);
      expect(ran.stderr).toContain('does not look like its API');
      expect(countsOf(ran.summary).unknown ?? 0).toBeLessThanOrEqual(4);
      expect(countsOf(ran.summary).failed).toBeUndefined();
    });
  });
});

describe.concurrent('a gateway that cannot be reached', () => {
  it.for([1, 60])('longer than --wait stops the run, and a later run pays all %i rows', async (count, { expect }) => {
    await inWorld({}, async (world) => {
      const path = world.write('may.csv', csvOf(payouts(count)));
      await world.sandbox.close();
      const began = Date.now();
      const ran = await world.run(path, ['--wait', '2s']);
      expect(ran.code).toBe(3);
      expect(ran.stderr).toContain('the gateway cannot be reached');
      expect(Date.now() - began).toBeGreaterThanOrEqual(2000);
      // Far below the 15 minutes that it would wait otherwise.
      expect(Date.now() - began).toBeLessThan(50_000);
      expect(Object.keys(countsOf(ran.summary))).toEqual(['queued']);
      await world.replaceSandbox({});
      const again = await world.run(path);
      expect(again.code).toBe(0);
      expect(countsOf(again.summary)).toEqual({ succeeded: count });
    });
  });

  it('for a moment only delays the run', async ({ expect }) => {
    await inWorld({}, async (world) => {
      const path = world.write('may.csv', csvOf(payouts(20)));
      await world.sandbox.close();
      const running = world.begin(['run', path, '--json']);
      await until('the breaker', () => running.stderr().includes('the gateway cannot be reached: sending is paused'));
      await world.replaceSandbox({});
      const ended = await running.ended;
      expect(ended.code).toBe(0);
      expect(ended.stderr).toContain('the gateway answers again');
      expect(world.sandbox.payments()).toHaveLength(20);
    });
  });
});

describe.concurrent('confirmation', () => {
  it('with GATEWAY_CONFIRM=manual is left to a person, until a person loosens that in the ledger', async ({ expect }) => {
    await inWorld({}, async (world) => {
      const path = world.write('may.csv', csvOf(payouts(2)));
      const ran = await world.run(path, ['--wait', '1s'], { GATEWAY_CONFIRM: 'manual' });
      expect(ran.code).toBe(2);
      expect(countsOf(ran.summary)).toEqual({ in_progress: 2 });
      expect(methodsOf(world)).not.toContain('session/confirm');
      const looser = await world.run(path, ['--wait', '1s']);
      expect(looser.code).toBe(2);
      expect(looser.stderr).toContain('is looser than what the ledger holds');
      expect(methodsOf(world)).not.toContain('session/confirm');
      expect(await done(world, ['gates', 'loosen', '--confirm', 'match', '--reason', 'agreed'])).toMatchObject({ outcome: 'done' });
      const later = await world.run(path);
      expect(later.code).toBe(0);
      expect(countsOf(later.summary)).toEqual({ succeeded: 2 });
    });
  });

  it('is not waited for with --no-wait, which ends when every row was sent', async ({ expect }) => {
    await inWorld({ settleMs: 60_000 }, async (world) => {
      const ran = await world.run(world.write('may.csv', csvOf(payouts(5))), ['--no-wait']);
      expect(ran.code).toBe(0);
      expect(countsOf(ran.summary)).toEqual({ in_progress: 5 });
      const waited = await world.run(world.write('june.csv', csvOf(payouts(2, 'j'))), ['--wait', '300ms']);
      expect(waited.code).toBe(2);
      expect(countsOf(waited.summary)).toEqual({ in_progress: 2 });
    });
  });
});

it('a private key that is too short or no key is refused before anything is sent', async () => {
  await inWorld({}, async (world) => {
    const path = world.write('may.csv', csvOf(payouts(1)));
    // Everybody may read it, which is no fault of a public key.
    const publicFile = world.write('public.pem', ourPair.publicKey);
    chmodSync(publicFile, 0o644);
    const publicHalf = await world.command(['run', path], { GATEWAY_PRIVATE_KEY_FILE: publicFile });
    expect(publicHalf.code).toBe(1);
    expect(publicHalf.stderr).toMatch(/^disburse: GATEWAY_PRIVATE_KEY_FILE .*: This is a public key/);
    expect(publicHalf.stderr).not.toContain('chmod');
    expect(world.sandbox.calls()).toEqual([]);
  });
});
