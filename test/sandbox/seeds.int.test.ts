import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { call, charge, openSandbox, outcomeOf, pay } from './gateway-calls.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

const faults = Object.fromEntries(
  ['lost-request', 'lost-answer', 'http-500', 'http-429', 'refuse', 'fail-later', 'wrong-amount'].map((name) => [name, 0.15]),
);

/** Runs three hundred calls and everything that follows, and returns a digest of all that happened. */
async function digestOf(confirm: 'manual' | 'auto'): Promise<string> {
  const clock = createVirtualClock();
  const sandbox = await openSandbox({ clock, settleMs: 1000, seed: 42, confirm, faults });
  const story: unknown[] = [];
  for (let index = 0; index < 100; index++) {
    story.push(await outcomeOf(pay(sandbox, `r${index}`, 1000 + index)));
    if (index % 2 === 0) story.push(await outcomeOf(charge(sandbox, `p${index}`)));
  }
  clock.advance(1000);
  for (const { session_id } of sandbox.payments())
    story.push(await outcomeOf(call(sandbox, session_id < 'ps_8' ? 'session/confirm' : 'session/cancel', { session_id })));
  for (let step = 0; step < 3; step++) {
    clock.advance(500);
    for (const { session_id } of sandbox.payments()) {
      const { session } = await call(sandbox, 'session/status', { session_id });
      const { id, status, amount_details, error } = (session.payments ?? session.acquiring_payments)?.[0] ?? {};
      story.push([session.id, session.status, session.updated_at, session.next_action, session.error, id, status, amount_details, error]);
    }
  }
  story.push(sandbox.payments());
  return createHash('sha256').update(JSON.stringify(story)).digest('hex');
}

// A change here changes what recorded seeds mean: draws of faults are appended, never moved.
it.each([
  ['manual', '390729fa1ff2d4157b75a65b88e1cc84684e39e041b06668120aa6a9ac9ac1c2'],
  ['auto', '0be51e6462c6ee7e73c97353aebae3e99f9f539343ca2a102a3afd7c0422ef2b'],
] as const)('a seed gives the recorded sessions, amounts and ends under %s confirmation', async (confirm, digest) => {
  expect(await digestOf(confirm)).toBe(digest);
});
