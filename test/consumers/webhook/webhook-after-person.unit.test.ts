import { describe, expect, it } from 'vitest';
import type { OperationRequest } from '../../../batches/operations/request.ts';
import { keys } from '../../support/builders.ts';
import { asks, failed, lost, ok, openWorld, ours, succeeded, withAlerts, type World } from './world.ts';

const person = { by: 'alice', reason: 'a person looked' };
const resolve = (as: 'succeeded' | 'failed' | 'cancelled'): OperationRequest => ({
  ...{ type: 'resolve', recordId: 'inv-1', evidence: 'bank statement 118', as },
  ...person,
});
/** The scripted answers do not look at the bytes. */
const retry: OperationRequest = { type: 'retry', recordId: 'inv-1', sealedBody: '{}', ...person };

/** `inv-1` after a send whose answer was lost, ended by a person. */
async function resolved(as: 'succeeded' | 'failed' | 'cancelled'): Promise<World> {
  const world = await openWorld();
  await world.send();
  expect(await world.ask(resolve(as))).toMatchObject({ outcome: 'done', data: { status: as } });
  return world;
}

describe('a webhook after resolve', () => {
  it.each([
    ['succeeded', 'payment_finished', succeeded],
    ['failed', 'payment_finished', failed],
    ['cancelled', 'payment_finished', { ...failed, status: 'canceled' }],
  ] as const)('as %s that agrees changes nothing', async (as, type, parts) => {
    const world = await resolved(as);
    const ended = await world.record();
    for (let repeat = 0; repeat < 2; repeat += 1) expect(await world.webhook(type, parts)).toMatchObject({ status: 200, outcome: 'known' });
    expect(await world.record()).toEqual(ended);
    expect(world.alerts).toEqual([]);
  });

  it.each([
    ['succeeded', failed],
    ['failed', succeeded],
    ['cancelled', succeeded],
  ] as const)('as %s that shows another end is an alert once, and the record stays', async (as, parts) => {
    const world = await resolved(as);
    const ended = await world.record();
    for (let repeat = 0; repeat < 2; repeat += 1)
      expect(await world.webhook('payment_finished', parts)).toMatchObject({ status: 200, outcome: 'contradicting' });
    expect(await world.record()).toEqual(withAlerts(ended, 'resolved_differently'));
    expect(world.alerts).toMatchObject([{ alert: 'resolved_differently', recordId: 'inv-1', sessionId: 'ps_1' }]);
  });

  it.each(['failed', 'cancelled'] as const)('as %s that asks for confirmation is an alert, and nothing is confirmed', async (as) => {
    const world = await resolved(as);
    expect(await world.webhook('ready_to_confirm', asks)).toMatchObject({ status: 200, outcome: 'contradicting' });
    await world.acted();
    expect(world.calls).toEqual(['init']);
    expect(world.alerts).toMatchObject([{ alert: 'resolved_differently', sessionId: 'ps_1' }]);
  });
});

describe('a webhook at the same time as a person', () => {
  it('who resolves: one of them ends the record, and the other gets that answer', async () => {
    for (const order of ['webhook', 'person'] as const) {
      const world = await openWorld();
      await world.send();
      const told = order === 'webhook' ? world.webhook('payment_finished', succeeded) : undefined;
      const answering = world.ask(resolve('failed'));
      const [webhook, answer] = await Promise.all([told ?? world.webhook('payment_finished', succeeded), answering]);
      const record = await world.record();
      const personWon = record.resolvedBy !== null;
      expect(record.status).toBe(personWon ? 'failed' : 'succeeded');
      expect(webhook).toMatchObject({ status: 200, outcome: personWon ? 'contradicting' : 'applied' });
      expect(answer.outcome).toBe(personWon ? 'done' : 'refused');
      expect(world.alerts.map(({ alert }) => alert)).toEqual(personWon ? ['resolved_differently'] : []);
      expect(world.statuses().filter((status) => status === 'succeeded' || status === 'failed')).toEqual([record.status]);
    }
  });

  it('who retries a payout that failed: a late success of attempt 1 is one alert, in whichever order they come', async () => {
    const world = await openWorld({ respond: () => ok() });
    await world.send();
    await world.webhook('payment_finished', failed);
    const [answer] = await Promise.all([world.ask(retry), world.webhook('payment_finished', succeeded)]);
    expect(world.alerts).toHaveLength(1);
    const retried = { status: 'queued', attempt: 2 };
    expect(await world.record()).toMatchObject(answer.outcome === 'done' ? retried : { status: 'failed', attempt: 1 });
  });
});

describe('a webhook that says that attempt 1 was paid, while attempt 2 waits to be sent', () => {
  it('holds attempt 2 for a person, also when the gateway had refused attempt 1 and no session is known', async () => {
    const world = await openWorld({
      respond: () => ({
        type: 'answer',
        httpStatus: 400,
        json: { status: 'error', error: { code: 'account_not_found', description: 'no' } },
      }),
    });
    await world.send();
    expect(await world.ask(retry)).toMatchObject({ outcome: 'done', data: { attempt: 2 } });
    expect(await world.webhook('payment_finished', succeeded)).toMatchObject({ status: 200, outcome: 'contradicting' });
    expect(world.alerts).toMatchObject([{ alert: 'possible_double_payment', recordId: 'inv-1' }]);
    for (let repeat = 0; repeat < 2; repeat += 1)
      expect(await world.follow()).toMatchObject({ status: 'queued', attempt: 2, dueAt: null, reason: { code: 'earlier_attempt' } });
    await world.sendQueued();
    expect(world.calls).toEqual(['init']);
  });
});

describe('a webhook for attempt 1 after attempt 2 was sent', () => {
  const retried = async (): Promise<World> => {
    const world = await openWorld({
      respond: (call) => ('sessionId' in call ? lost : ok({ id: `ps_${world.calls.length}`, metadata: ours(world.calls.length) })),
    });
    await world.send();
    await world.webhook('payment_finished', failed);
    expect(await world.ask(retry)).toMatchObject({ outcome: 'done', data: { attempt: 2 } });
    expect(await world.sendQueued()).toMatchObject({ status: 'in_progress', attempt: 2, sessionId: 'ps_2' });
    return world;
  };

  it('that repeats what is known of it, or comes late, changes nothing', async () => {
    const world = await retried();
    const open = await world.record();
    for (const parts of [failed, { ...failed, status: 'canceled' }, { entryStatus: 'in_progress' }, asks])
      expect(await world.webhook('payment_finished', parts)).toMatchObject({ status: 200, outcome: 'known' });
    await world.acted();
    expect(await world.record()).toEqual(open);
    expect(world.calls).toEqual(['init', 'init']);
    expect(world.alerts).toEqual([]);
  });

  it('that says it was paid is the alert of a double payment, and attempt 2 goes on', async () => {
    const world = await retried();
    const open = await world.record();
    for (let repeat = 0; repeat < 2; repeat += 1)
      expect(await world.webhook('payment_finished', succeeded)).toMatchObject({ status: 200, outcome: 'contradicting' });
    expect(await world.record()).toEqual(withAlerts(open, 'possible_double_payment'));
    expect(world.alerts).toMatchObject([{ alert: 'possible_double_payment', recordId: 'inv-1', sessionId: 'ps_1' }]);
    expect(await world.webhook('payment_finished', { ...succeeded, id: 'ps_2', metadata: ours(2) })).toMatchObject({ outcome: 'applied' });
    expect(await world.record()).toMatchObject({
      status: 'succeeded',
      attempt: 2,
      idempotencyKey: keys.idempotencyKey('payout', 'inv-1', 2),
    });
  });
});
