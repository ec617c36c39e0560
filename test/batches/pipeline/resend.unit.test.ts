import { describe, expect, it } from 'vitest';
import type { GatewayResponse } from '../../../batches/gateway/gateway-response.ts';
import { resend } from '../../../batches/pipeline/resend.ts';
import type { Limiter } from '../../../batches/ports/limiter.ts';
import { readResend } from '../../../batches/record/evidence.ts';
import { at, sentRecord, session } from '../../support/builders.ts';
import { fakeWorld, givesAfter, lost, ok, refusal, refusedConnection, standingStill, type FakeOptions, type FakeWorld } from './fakes.ts';

const bytes = Buffer.from('{"a":1}');

describe('a resend', () => {
  const open = sentRecord({ status: 'unknown', leaseOwner: null, leaseUntil: null, dueAt: at, firstSentAt: at - 1000 });
  const resent = async (options: Partial<FakeOptions>): Promise<FakeWorld> => {
    const world = fakeWorld({ record: open, body: bytes, ...options });
    await resend(world.deps, world.ledger.current());
    return world;
  };

  it('sends the same bytes under the same key, after a durable intent', async () => {
    const world = await resent({ init: [ok()] });
    expect(world.log).toEqual([
      'way',
      'place',
      'durable unknown',
      'permit',
      'first byte?',
      'bytes payout under its key',
      'reached',
      'durable in_progress',
    ]);
    expect(world.bytes).toEqual([bytes]);
    expect(world.ledger.current()).toMatchObject({ status: 'in_progress', sends: 2, firstSentAt: at - 1000 });
  });

  const left = [
    ...[refusal('account_not_found'), refusal('invalid_request'), refusal('bank_card_expired'), refusal('confirm_timeout')],
    ...[lost, refusal('internal_error', 500), refusal('authentication_error', 401), refusal('never_heard_of')],
  ];
  const metBy = (answer: GatewayResponse): string => {
    const met = readResend(answer, open);
    if (met.type === 'session') throw new Error('no session was foreseen');
    return met.reason.code;
  };
  const unread = [refusedConnection, { type: 'answer', httpStatus: 429, json: {} } as const];
  const why = { code: 'answer_timeout', description: 'No answer came in time.' };

  it.each([...left, ...unread])('never makes an open send failed or unsent, and keeps the reason of the first send: %j', async (answer) => {
    const world = await resent({ record: { ...open, reason: why }, init: [answer] });
    const after = world.ledger.current();
    expect(after).toMatchObject({ status: 'unknown', reason: why, alreadyReceived: false, leaseOwner: null });
    // What was turned away unread was no resend.
    expect(after.sends).toBe(left.includes(answer) ? 2 : 1);
    expect(after.dueAt).toBeGreaterThan(at);
    expect(after.resend?.code).toBe(metBy(answer));
    expect(world.ledger.events).toEqual([]);
  });

  it('publishes the proof of arrival in place of the reason of the first send', async () => {
    const world = await resent({ record: { ...open, reason: why }, init: [refusal('idempotency_key_already_exists')] });
    expect(world.ledger.current()).toMatchObject({
      status: 'unknown',
      alreadyReceived: true,
      dueAt: null,
      reason: { code: 'idempotency_key_already_exists' },
    });
    expect(world.ledger.events).toMatchObject([{ status: 'unknown', error: { code: 'idempotency_key_already_exists' } }]);
  });

  it('accepts a session that an error answer shows', async () => {
    const answer = refusal('invalid_request');
    if (answer.type !== 'answer') throw new Error('an answer');
    const world = await resent({ init: [{ ...answer, json: { ...(answer.json as object), session: session() } }] });
    expect(world.ledger.current()).toMatchObject({ status: 'in_progress', sessionId: 'ps_1', isSessionProven: true });
  });

  it.each([
    { name: 'its bytes are not kept', patch: {}, body: undefined },
    { name: 'a card number was in them, and another process sent them', patch: { hasCardNumber: true }, body: undefined },
    { name: 'the gateway may have forgotten the key', patch: { firstSentAt: at - 12 * 3_600_000 }, body: bytes },
    { name: 'the key lifetime was unset when it was first sent', patch: { keyLifetimeMs: null }, body: bytes },
    { name: 'it was first sent under another header', patch: { idempotencyHeader: 'X-Idem' }, body: bytes },
    { name: 'it was sent too often', patch: { sends: 12 }, body: bytes },
  ])('is not made when $name, and the reason stays', async ({ patch, body }) => {
    const world = fakeWorld({ record: { ...open, ...patch, reason: why }, init: [ok()], ...(body === undefined ? {} : { body }) });
    await resend(world.deps, world.ledger.current());
    expect(world.bytes).toEqual([]);
    expect(world.ledger.current()).toMatchObject({ status: 'unknown', dueAt: null, reason: why });
  });

  it('of bytes with a card number is made by the process that sent them, from its memory', async () => {
    const card = { ...open, hasCardNumber: true, reason: why };
    const world = fakeWorld({ record: card, init: [ok()] });
    world.deps.cardBodies.keep(card, bytes);
    await resend(world.deps, world.ledger.current());
    expect(world.bytes).toEqual([bytes]);
    expect(world.deps.cardBodies.of(card)).toBeUndefined();
    world.deps.cardBodies.keep(card, bytes);
    expect(world.deps.cardBodies.of({ ...card, idempotencyKey: 'of another attempt' })).toBeUndefined();
  });

  it('checks the key’s lifetime once more right before the first byte', async () => {
    const lifetimeMs = 12 * 3_600_000;
    const world = await resent({
      record: { ...open, firstSentAt: at - lifetimeMs + 30_000 + 1000 },
      init: [ok()],
      before: (what, { clock }) => {
        if (what === 'first byte?') clock.jump(1000);
      },
    });
    expect(world.bytes).toEqual([]);
    expect(world.log).toContain('kept back');
    expect(world.ledger.current().status).toBe('unknown');
  });

  it('without a permit counts as none, however often: sends and reason stay, and it may be made later', async () => {
    const world = fakeWorld({ record: { ...open, reason: why }, body: bytes, init: [lost] });
    // More often than an open send is resent at all.
    const { limiter, asked } = givesAfter(15, world);
    for (let tries = 1; tries <= 15; tries += 1) {
      const resending = resend({ ...world.deps, limiter }, world.ledger.current());
      await world.clock.passUntil(() => asked() === tries && world.clock.sleepers() === 0);
      await resending;
      expect(world.ledger.current()).toMatchObject({ status: 'unknown', sends: 1, reason: why, leaseOwner: null });
      expect(world.ledger.current().dueAt).not.toBeNull();
    }
    expect(world.bytes).toEqual([]);

    await resend({ ...world.deps, limiter }, world.ledger.current());
    expect(world.bytes).toEqual([bytes]);
    expect(world.ledger.current()).toMatchObject({ status: 'unknown', sends: 2, reason: why, resend: { code: 'connection_lost' } });
  });

  it('never leaves without a permit, though its lease is good by a clock that has stopped', async () => {
    const world = fakeWorld({ record: open, body: bytes, init: [ok()] });
    const { limiter } = givesAfter(1, world);
    const resending = resend({ ...world.deps, limiter, clock: standingStill(world) }, open);
    await world.clock.passUntil(() => false);
    await resending;
    expect(world.bytes).toEqual([]);
  });

  it('that did not leave is no reason to give up, however often the record was sent before', async () => {
    const often = { ...open, sends: 11 };
    const world = fakeWorld({ record: often, body: bytes, init: [ok()] });
    const { limiter } = givesAfter(1, world);
    const resending = resend({ ...world.deps, limiter }, often);
    await world.clock.passUntil(() => false);
    await resending;
    expect(world.ledger.current()).toMatchObject({ status: 'unknown', sends: 11 });
    expect(world.ledger.current().dueAt).not.toBeNull();
  });

  it("that did not leave says nothing of another process's, made since", async () => {
    const world = fakeWorld({ record: open, body: bytes, init: [ok()] });
    const { limiter } = givesAfter(1, world);
    const theirs = { leaseOwner: 'somebody else', leaseUntil: at + 90_000 };
    const acquire: Limiter['acquire'] = (...asked) => {
      world.ledger.set(theirs);
      return limiter.acquire(...asked);
    };
    const resending = resend({ ...world.deps, limiter: { ...limiter, acquire } }, open);
    await world.clock.passUntil(() => false);
    await resending;
    expect(world.ledger.current()).toMatchObject(theirs);
  });

  it('is given up when the record moved on meanwhile', async () => {
    const world = await resent({
      init: [ok()],
      before: (what, { ledger }) => {
        if (what === 'place') ledger.set({ status: 'succeeded', sessionId: 'ps_9' });
      },
    });
    expect(world.bytes).toEqual([]);
    expect(world.ledger.current().status).toBe('succeeded');
  });

  it.each(['way', 'place'])('leaves the record as it was when the run stops at "%s"', async (step) => {
    const world = await resent({
      init: [ok()],
      before: (what, { stop }) => {
        if (what === step) stop();
      },
    });
    expect(world.ledger.current()).toEqual(open);
    expect(world.placesHeld()).toBe(0);
  });

  it.each(['me', 'another'])(
    'is made once when two processes resend the same record at once, also when the other calls itself %s',
    async (owner) => {
      const open = sentRecord({ status: 'unknown', leaseOwner: null, leaseUntil: null, dueAt: at, firstSentAt: at - 1000 });
      const world = fakeWorld({ record: open, body: bytes, init: [ok()] });
      await Promise.all([resend(world.deps, open), resend({ ...world.deps, owner }, open)]);
      expect(world.bytes).toHaveLength(1);
      expect(world.ledger.current().sends).toBe(2);
    },
  );
});
