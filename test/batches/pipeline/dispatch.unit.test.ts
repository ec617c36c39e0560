import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { advance } from '../../../batches/pipeline/advance.ts';
import { dispatch } from '../../../batches/pipeline/dispatch.ts';
import { serialise } from '../../../batches/pipeline/request-body.ts';
import { resend } from '../../../batches/pipeline/resend.ts';
import type { GatewayResponse } from '../../../batches/gateway/gateway-response.ts';
import { readResend } from '../../../batches/record/evidence.ts';
import { whyNotResend } from '../../../batches/record/resend-rules.ts';
import type { ValidInstruction } from '../../../batches/instruction/instruction.ts';
import type { Gateway } from '../../../batches/ports/gateway.ts';
import type { Limiter } from '../../../batches/ports/limiter.ts';
import { createSendQueue } from '../../../batches/pipeline/send-queue.ts';
import { fakeWorld, lost, ok, refusal, refusedConnection, type FakeOptions, type FakeWorld } from './fakes.ts';
import { at, queuedRecord, sentRecord, session } from '../../support/builders.ts';

const bytes = Buffer.from('{"a":1}');
const firstTry = ['way', 'place', 'durable submitting', 'permit', 'first byte?', 'bytes payout under its key'];

const sent = async (options: Partial<FakeOptions>): Promise<FakeWorld> => {
  const world = fakeWorld({ record: queuedRecord(), ...options });
  await dispatch(world.deps, world.ledger.current(), bytes);
  return world;
};

/** Waits as long as it may and gives no permit, so many times; then gives them. */
const givesAfter = (refusals: number, { clock, deps }: FakeWorld): { limiter: Limiter; asked: () => number } => {
  let asked = 0;
  const acquire: Limiter['acquire'] = async (signal, withinMs = Number.POSITIVE_INFINITY) => {
    asked += 1;
    if (asked > refusals) return;
    await clock.sleep(withinMs, signal);
    throw new Error('no permit');
  };
  return { limiter: { ...deps.limiter, acquire }, asked: () => asked };
};
/** As the program's clock does after the machine's was set back. */
const standingStill = ({ clock }: FakeWorld) => ({ now: () => at, sleep: clock.sleep });

describe('the bytes of an instruction', () => {
  const draft: ValidInstruction = {
    recordId: 'inv-1',
    kind: 'payout',
    amountMinor: 1n,
    currency: 'EUR',
    body: { a: { b: 1 } },
    metadata: undefined,
    destination: undefined,
    hasCardNumber: false,
  };
  const metadataOf = (metadata: ValidInstruction['metadata']): unknown =>
    (JSON.parse(serialise({ ...draft, metadata }, { attempt: 2, idempotencyKey: 'key-2' }).toString('utf8')) as { metadata: unknown })
      .metadata;

  const ours = { record_id: 'inv-1', attempt: 2, idempotency_key: 'key-2' };

  it('carry our metadata beside the caller’s own, whatever its form', () => {
    expect(serialise(draft, { attempt: 1, idempotencyKey: 'key-1' }).toString('utf8')).toBe(
      '{"a":{"b":1},"metadata":{"record_id":"inv-1","attempt":1,"idempotency_key":"key-1"}}',
    );
    expect(metadataOf({ order: '77', record_id: 'inv-1' })).toEqual({ order: '77', ...ours });
    expect(metadataOf('text')).toEqual({ ...ours, metadata: 'text' });
    expect(metadataOf(7)).toEqual({ ...ours, metadata: 7 });
  });
});

describe('a first send', () => {
  it('makes its intent durable, takes its permit, sends its bytes and makes the outcome durable, in this order', async () => {
    const world = await sent({ init: [ok()] });
    expect(world.log).toEqual([...firstTry, 'reached', 'durable in_progress']);
    expect(world.bytes).toEqual([bytes]);
    expect(world.ledger.current()).toMatchObject({ status: 'in_progress', sessionId: 'ps_1', sends: 1, leaseOwner: null });
    expect(world.ledger.kept()).toEqual(bytes);
  });

  it('asks the rate to fall when the gateway says too many', async () => {
    const world = fakeWorld({ record: queuedRecord(), init: [{ type: 'answer', httpStatus: 429, json: {} }, ok()] });
    const ended = dispatch(world.deps, world.ledger.current(), bytes);
    await world.clock.passUntil(() => world.bytes.length === 2);
    expect((await ended).status).toBe('in_progress');
    expect(world.slowedDown.count).toBe(1);
  });

  it('holds its place in the line from before its intent until it may send', async () => {
    const held: Record<string, number> = {};
    const world = await sent({
      init: [ok()],
      before: (what, { placesHeld }) => {
        held[what] = placesHeld();
      },
    });
    expect(held).toMatchObject({ place: 0, permit: 1, 'first byte?': 0 });
    expect(world.placesHeld()).toBe(0);
  });

  it('that gets no permit before its time is over leaves nothing sent, and begins again', async () => {
    const world = fakeWorld({ record: queuedRecord(), init: [ok()], leaseMs: 60_000 });
    const waits: (number | undefined)[] = [];
    const limiter: Limiter = {
      ...world.deps.limiter,
      acquire: async (signal, withinMs) => {
        waits.push(withinMs);
        if (waits.length > 1) return;
        await world.clock.sleep(withinMs ?? Number.POSITIVE_INFINITY, signal);
        throw new Error('no permit');
      },
    };
    const ended = dispatch({ ...world.deps, limiter }, world.ledger.current(), bytes);
    await world.clock.passUntil(() => world.bytes.length === 1);
    expect((await ended).status).toBe('in_progress');
    // The last 5 s of the lease are left alone.
    expect(waits).toEqual([55_000, 55_000]);
    expect(world.log.filter((what) => what.startsWith('durable'))).toEqual([
      ...['durable submitting', 'durable queued', 'durable submitting', 'durable in_progress'],
    ]);
    expect(world.placesHeld()).toBe(0);
  });

  it('leaves without a permit never, though by a clock that stands still its lease is good', async () => {
    const world = fakeWorld({ record: queuedRecord(), init: [ok()] });
    const { limiter, asked } = givesAfter(1, world);
    const ended = dispatch({ ...world.deps, limiter, clock: standingStill(world) }, world.ledger.current(), bytes);
    await world.clock.passUntil(() => world.bytes.length === 1);
    await ended;
    expect(asked()).toBe(2);
    expect(world.log).toContain('kept back');
  });

  it('gives its place back when it finds the way closed, so that the one that tries the way has it', async () => {
    const line = createSendQueue({ capacity: 1, closedForMs: () => 0, clock: { sleep: () => Promise.reject(new Error('it is open')) } });
    let isClosed = false;
    const atTheWay: (() => void)[] = [];
    const pass = (): Promise<void> => (isClosed ? new Promise((resolve) => atTheWay.push(resolve)) : Promise.resolve());
    const worlds = [1, 2].map(() => fakeWorld({ record: queuedRecord(), init: [ok()] })) as [FakeWorld, FakeWorld];
    const send = (world: FakeWorld) => {
      const way = { ...world.deps.breaker, waitUntilClosed: pass, isOpen: () => isClosed };
      return dispatch({ ...world.deps, breaker: way, sendQueue: line }, world.ledger.current(), bytes);
    };
    const [first, second] = worlds;
    const leave = await line.acquire(new AbortController().signal);
    const sending = [send(first)];
    await turn();
    isClosed = true;
    sending.push(send(second));
    await turn();
    leave();
    await turn();
    // The second one was there earlier: it tries the way, while the first goes on waiting.
    isClosed = false;
    atTheWay.shift()?.();
    await turn();
    expect([first.bytes.length, second.bytes.length]).toEqual([0, 1]);
    atTheWay.shift()?.();
    await Promise.all(sending);
    expect(first.bytes).toHaveLength(1);
  });

  it("proof that nothing was sent undoes its own intent only, never somebody else's made since", async () => {
    const world = await sent({
      init: [refusedConnection],
      before: (what, { ledger }) => {
        // Ours was undone before, and the reply was lost; another instance has made an intent of its own meanwhile.
        if (what === 'first byte?') ledger.set({ leaseOwner: 'somebody else', leaseUntil: at + 90_000 });
      },
    });
    expect(world.ledger.current()).toMatchObject({ status: 'submitting', sends: 1, leaseOwner: 'somebody else' });
    expect(world.ledger.kept()).toEqual(bytes);
  });

  it.each([
    { name: 'a refusal is final', answer: refusal('account_not_found'), status: 'failed', stops: [] },
    { name: 'a lost answer is open', answer: lost, status: 'unknown', stops: [] },
    { name: 'an HTTP 500 is open', answer: refusal('internal_error', 500), status: 'unknown', stops: [] },
    { name: 'a known key has arrived', answer: refusal('idempotency_key_already_exists'), status: 'unknown', stops: [] },
    { name: 'an unlisted code is for a person', answer: refusal('moon_phase'), status: 'unknown', stops: [] },
    {
      name: 'a wrong set-up goes back to the queue',
      answer: refusal('authentication_error', 401),
      status: 'queued',
      stops: ['authentication_error'],
    },
  ])('$name: nothing is sent a second time', async ({ answer, status, stops }) => {
    const world = await sent({ init: [answer] });
    expect(world.ledger.current().status).toBe(status);
    expect(world.bytes).toHaveLength(1);
    expect(world.stops).toEqual(stops);
    expect(world.log.at(-1)).toBe(`durable ${status}`);
  });

  it('is an accepted send when an error answer shows a session: never failed', async () => {
    for (const [status, json] of [
      [400, { status: 'error', error: { code: 'invalid_request' } }],
      [200, { status: 'error', error: { code: 'account_not_found' } }],
      [503, {}],
    ] as const) {
      const world = await sent({ init: [{ type: 'answer', httpStatus: status, json: { ...json, session: session() } }] });
      expect(world.ledger.current()).toMatchObject({ status: 'in_progress', sessionId: 'ps_1', isSessionProven: true });
    }
  });

  it('keeps a session without metadata as unproven: in progress, and never resent', async () => {
    const world = await sent({ init: [ok({ metadata: undefined })] });
    expect(world.ledger.current()).toMatchObject({
      status: 'in_progress',
      sessionId: 'ps_1',
      isSessionProven: false,
      reason: { code: 'session_unproven' },
    });
    expect(whyNotResend(world.deps.settings, world.ledger.current(), at)).not.toBeNull();
  });

  it('is not failed by a late refusal when another process has sent it again: a person is told', async () => {
    const world = await sent({
      init: [refusal('account_not_found')],
      before: (what, { ledger }) => {
        if (what === 'first byte?') ledger.set({ status: 'unknown', sends: 2, leaseOwner: 'another' });
      },
    });
    expect(world.ledger.current()).toMatchObject({ status: 'unknown', sends: 2, resend: { code: 'account_not_found' } });
    expect(world.alerts).toHaveLength(1);
  });

  it('is failed by a late refusal when it was the only send', async () => {
    const world = await sent({
      init: [refusal('account_not_found')],
      before: (what, { ledger }) => {
        if (what === 'first byte?') ledger.set({ status: 'unknown', leaseOwner: null, leaseUntil: null });
      },
    });
    expect(world.ledger.current().status).toBe('failed');
  });

  it('that surely did not arrive is tried again after a growing pause, with a new intent each time', async () => {
    const world = fakeWorld({ record: queuedRecord(), init: [refusedConnection, refusedConnection, ok()] });
    const began = world.clock.now();
    const ended = dispatch(world.deps, world.ledger.current(), bytes);
    await world.clock.passUntil(() => world.bytes.length === 3);
    expect((await ended).status).toBe('in_progress');
    expect(world.log.filter((what) => what.startsWith('durable'))).toEqual([
      ...['durable submitting', 'durable queued', 'durable submitting', 'durable queued', 'durable submitting', 'durable in_progress'],
    ]);
    expect(world.clock.now() - began).toBe(200 + 400);
    expect(world.ledger.current().sends).toBe(1);
    expect(world.ledger.events.map(({ status }) => status)).toEqual(['in_progress']);
  });

  it('that is told to wait waits at least so long, and holds everybody back', async () => {
    const busy = { type: 'answer', httpStatus: 429, json: undefined, retryAfterMs: 5000 } as const;
    const world = fakeWorld({ record: queuedRecord(), init: [busy, ok()] });
    const began = world.clock.now();
    const ended = dispatch(world.deps, world.ledger.current(), bytes);
    await world.clock.passUntil(() => world.bytes.length === 2);
    await ended;
    expect(world.clock.now() - began).toBe(5000);
    expect(world.pushedBack).toEqual({ limiter: 5000, follow: 0 });
  });

  it('tells pace and stop before its slot is free for the next', async () => {
    const busy = { type: 'answer', httpStatus: 429, json: undefined, retryAfterMs: 5000 } as const;
    for (const [answer, pushedBack, stops] of [
      [busy, 5000, []],
      [refusal('authentication_error', 401), 0, ['authentication_error']],
    ] as const) {
      const world = fakeWorld({ record: queuedRecord(), init: [answer] });
      let known: unknown;
      const slot = async <T>(work: () => Promise<T>): Promise<T> => {
        const done = await work();
        known = { pushedBack: world.pushedBack.limiter, stops: [...world.stops] };
        world.stop();
        return done;
      };
      await dispatch({ ...world.deps, slot }, world.ledger.current(), bytes);
      expect(known).toEqual({ pushedBack, stops });
    }
  });

  it('never leaves at the end of its lease: it goes back unsent', async () => {
    const world = fakeWorld({
      record: queuedRecord(),
      init: [ok()],
      leaseMs: 60_000,
      before: (what, { clock, bytes: left }) => {
        // The slot and the pace took as long as the lease but for its margin, once.
        if (what === 'first byte?' && left.length === 0 && clock.now() < at + 55_000) clock.jump(55_000);
      },
    });
    const ended = dispatch(world.deps, world.ledger.current(), bytes);
    await world.clock.passUntil(() => world.bytes.length === 1);
    await ended;
    expect(world.log.filter((what) => what === 'kept back' || what.startsWith('bytes') || what.startsWith('durable'))).toEqual([
      ...['durable submitting', 'kept back', 'durable queued', 'durable submitting', 'bytes payout under its key', 'durable in_progress'],
    ]);
  });

  it.each(['way', 'place', 'permit', 'first byte?'])('stopped at "%s" sends nothing and leaves the record queued', async (step) => {
    const world = await sent({
      init: [ok()],
      before: (what, { stop }) => {
        if (what === step) stop();
      },
    });
    expect(world.bytes).toEqual([]);
    expect(world.ledger.current()).toMatchObject({ status: 'queued', sends: 0, firstSentAt: null });
    expect(world.ledger.events).toEqual([]);
    expect(world.placesHeld()).toBe(0);
  });

  it('stopped after its bytes left waits for its answer, and does not begin again', async () => {
    const world = fakeWorld({ record: queuedRecord(), init: [refusedConnection] });
    const gateway: Gateway = {
      ...world.deps.gateway,
      async prepare(request) {
        const call = await world.deps.gateway.prepare(request);
        return { send: (options) => call.send(options).finally(() => world.stop()) };
      },
    };
    const deps = { ...world.deps, gateway };
    expect((await dispatch(deps, world.ledger.current(), bytes)).status).toBe('queued');
    expect(world.bytes).toHaveLength(1);
  });

  it('is not made for what somebody else has begun meanwhile', async () => {
    const world = await sent({
      init: [ok()],
      before: (what, { ledger }) => {
        if (what === 'place') ledger.set({ status: 'submitting', sends: 1, leaseOwner: 'another', leaseUntil: at + 1 });
      },
    });
    // The record is seen as another's intent, and its owner sends it.
    expect(world.ledger.current()).toMatchObject({ leaseOwner: 'another' });
    expect(world.bytes).toEqual([]);
    expect(world.placesHeld()).toBe(0);
  });

  it('is not made for another instruction that stands under its record id by now', async () => {
    const occurrence = { ...queuedRecord().occurrence, position: 3 };
    const world = await sent({
      init: [ok()],
      before: (what, { ledger }) => {
        if (what === 'place') ledger.set({ occurrence, amountMinor: 99n, fingerprint: 'other' });
      },
    });
    expect(world.bytes).toEqual([]);
    expect(world.ledger.current()).toMatchObject({ status: 'queued', sends: 0, amountMinor: 99n });
    expect(world.placesHeld()).toBe(0);
  });

  it('does not send when its intent cannot be made durable', async () => {
    const world = fakeWorld({ record: queuedRecord(), init: [ok()] });
    const deps = { ...world.deps, ledger: { ...world.deps.ledger, advance: () => Promise.reject(new Error('disk full')) } };
    await expect(dispatch(deps, world.ledger.current(), bytes)).rejects.toThrow('disk full');
    expect(world.bytes).toEqual([]);
    expect(world.placesHeld()).toBe(0);
  });
});

describe('a repeat', () => {
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
    { name: 'a card number was in them', patch: { hasCardNumber: true }, body: bytes },
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

  it('that gets no permit was no repeat, however often: its sends and its reason stay, and it may be sent after', async () => {
    const world = fakeWorld({ record: { ...open, reason: why }, body: bytes, init: [lost] });
    // More often than an open send is repeated at all.
    const { limiter, asked } = givesAfter(15, world);
    for (let tries = 1; tries <= 15; tries += 1) {
      const repeating = resend({ ...world.deps, limiter }, world.ledger.current());
      await world.clock.passUntil(() => asked() === tries && world.clock.sleepers() === 0);
      await repeating;
      expect(world.ledger.current()).toMatchObject({ status: 'unknown', sends: 1, reason: why, leaseOwner: null });
      expect(world.ledger.current().dueAt).not.toBeNull();
    }
    expect(world.bytes).toEqual([]);

    await resend({ ...world.deps, limiter }, world.ledger.current());
    expect(world.bytes).toEqual([bytes]);
    expect(world.ledger.current()).toMatchObject({ status: 'unknown', sends: 2, reason: why, resend: { code: 'connection_lost' } });
  });

  it('leaves without a permit never, though by a clock that stands still its lease is good', async () => {
    const world = fakeWorld({ record: open, body: bytes, init: [ok()] });
    const { limiter } = givesAfter(1, world);
    const repeating = resend({ ...world.deps, limiter, clock: standingStill(world) }, open);
    await world.clock.passUntil(() => false);
    await repeating;
    expect(world.bytes).toEqual([]);
  });

  it('that did not leave is no reason to give up, however often it was sent before', async () => {
    const often = { ...open, sends: 11 };
    const world = fakeWorld({ record: often, body: bytes, init: [ok()] });
    const { limiter } = givesAfter(1, world);
    const repeating = resend({ ...world.deps, limiter }, often);
    await world.clock.passUntil(() => false);
    await repeating;
    expect(world.ledger.current()).toMatchObject({ status: 'unknown', sends: 11 });
    expect(world.ledger.current().dueAt).not.toBeNull();
  });

  it("that did not leave says nothing of somebody else's, made since", async () => {
    const world = fakeWorld({ record: open, body: bytes, init: [ok()] });
    const { limiter } = givesAfter(1, world);
    const theirs = { leaseOwner: 'somebody else', leaseUntil: at + 90_000 };
    const acquire: Limiter['acquire'] = (...asked) => {
      world.ledger.set(theirs);
      return limiter.acquire(...asked);
    };
    const repeating = resend({ ...world.deps, limiter: { ...limiter, acquire } }, open);
    await world.clock.passUntil(() => false);
    await repeating;
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

  it.each(['way', 'place'])('stopped at "%s" leaves the record as it was', async (step) => {
    const world = await resent({
      init: [ok()],
      before: (what, { stop }) => {
        if (what === step) stop();
      },
    });
    expect(world.ledger.current()).toEqual(open);
    expect(world.placesHeld()).toBe(0);
  });
});

describe('advancing', () => {
  it('decides anew on the record as it is now, until it is written or nothing is to be done', async () => {
    const world = fakeWorld({ record: queuedRecord() });
    const stale = world.ledger.current();
    world.ledger.set({ checks: 3 });
    const seen: number[] = [];
    const after = await advance(world.deps.ledger, stale, (current) => {
      seen.push(current.checks);
      return { expected: current.version, after: { ...current, checks: current.checks + 1, version: current.version + 1 } };
    });
    expect(seen).toEqual([0, 3]);
    expect(after.checks).toBe(4);
    expect(await advance(world.deps.ledger, after, () => null)).toBe(after);
  });
});

describe('two that dispatch the same record at once', () => {
  it.each(['me', 'another'])('send it once, also when the other calls itself %s', async (owner) => {
    const world = fakeWorld({ record: queuedRecord(), init: [ok()] });
    const queued = world.ledger.current();
    await Promise.all([dispatch(world.deps, queued, bytes), dispatch({ ...world.deps, owner }, queued, bytes)]);
    expect(world.bytes).toHaveLength(1);
    expect(world.ledger.current()).toMatchObject({ status: 'in_progress', sends: 1 });
  });

  it.each(['me', 'another'])('repeat it once, also when the other calls itself %s', async (owner) => {
    const open = sentRecord({ status: 'unknown', leaseOwner: null, leaseUntil: null, dueAt: at, firstSentAt: at - 1000 });
    const world = fakeWorld({ record: open, body: bytes, init: [ok()] });
    await Promise.all([resend(world.deps, open), resend({ ...world.deps, owner }, open)]);
    expect(world.bytes).toHaveLength(1);
    expect(world.ledger.current().sends).toBe(2);
  });
});
