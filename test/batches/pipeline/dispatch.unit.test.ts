import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { advance } from '../../../batches/pipeline/advance.ts';
import { dispatch } from '../../../batches/pipeline/dispatch.ts';
import { serialise } from '../../../batches/pipeline/request-body.ts';
import { whyNotResend } from '../../../batches/record/resend-rules.ts';
import type { ValidInstruction } from '../../../batches/instruction/instruction.ts';
import type { Gateway } from '../../../batches/ports/gateway.ts';
import type { Limiter } from '../../../batches/ports/limiter.ts';
import { permitWithinMs } from '../../../batches/pipeline/send-queue.ts';
import { fakeWorld, givesAfter, lost, ok, refusal, refusedConnection, standingStill, type FakeOptions, type FakeWorld } from './fakes.ts';
import { at, queuedRecord, session } from '../../support/builders.ts';

const bytes = Buffer.from('{"a":1}');
const firstTry = ['way', 'place', 'durable submitting', 'permit', 'first byte?', 'bytes payout under its key'];

const sent = async (options: Partial<FakeOptions>): Promise<FakeWorld> => {
  const world = fakeWorld({ record: queuedRecord(), ...options });
  await dispatch(world.deps, world.ledger.current(), bytes);
  return world;
};

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

  it.each(['accepted', 'in_progress'])(
    'publishes one result, the final one, when its answer shows a session that is %s and has paid already',
    async (status) => {
      const world = await sent({ init: [ok({ status, entryStatus: 'succeeded' })] });
      expect(world.log.filter((what) => what.startsWith('durable'))).toEqual(['durable submitting', 'durable succeeded']);
      expect(world.ledger.events.map((event) => event.status)).toEqual(['succeeded']);
      // The trail of a record that had none begins with an entry that says so; intent and answer follow.
      expect(world.ledger.current()).toMatchObject({ sequence: queuedRecord().sequence + 1, audit: { number: 3 } });
    },
  );

  it('makes no intent while the gate for intents is closed, and sends when it opens', async () => {
    const world = fakeWorld({ record: queuedRecord(), init: [ok()] });
    const { promise: opened, resolve } = Promise.withResolvers<void>();
    let isOpen = false;
    const intents = { isOpen: () => isOpen, waitUntilOpen: () => opened };
    const ended = dispatch({ ...world.deps, intents }, world.ledger.current(), bytes);
    await turn();
    await turn();
    expect(world.log).toEqual(['way']);
    isOpen = true;
    resolve();
    expect((await ended).status).toBe('in_progress');
  });

  it('gives its place back when the gate closes while it waited for it, and stops at the gate with the run', async () => {
    const world = fakeWorld({ record: queuedRecord(), init: [ok()] });
    let asked = 0;
    const waitUntilOpen = (signal: AbortSignal): Promise<void> => {
      asked += 1;
      if (asked === 1) return Promise.resolve();
      world.stop();
      return Promise.reject(signal.reason as Error);
    };
    const after = await dispatch({ ...world.deps, intents: { isOpen: () => false, waitUntilOpen } }, world.ledger.current(), bytes);
    expect({ status: after.status, bytes: world.bytes, held: world.placesHeld() }).toEqual({ status: 'queued', bytes: [], held: 0 });
  });

  it('lowers the rate when the gateway answers 429', async () => {
    const world = fakeWorld({ record: queuedRecord(), init: [{ type: 'answer', httpStatus: 429, json: {} }, ok()] });
    const ended = dispatch(world.deps, world.ledger.current(), bytes);
    await world.clock.passUntil(() => world.bytes.length === 2);
    expect((await ended).status).toBe('in_progress');
    expect(world.slowedDown.count).toBe(1);
  });

  it('holds its place in the send queue from before its intent until its permit', async () => {
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

  it.each(['wallAt', 'uptimeMs'] as const)(
    'goes back to the queue unsent when its machine was suspended beyond the lease before its first byte, as %s shows, and waits for its turn again',
    async (clock) => {
      const suspended = { wallAt: 0, uptimeMs: 0 };
      const world = fakeWorld({
        ...{ record: queuedRecord(), init: [ok()], leaseMs: 60_000 },
        before(what) {
          if (what === 'permit' && suspended[clock] === 0) suspended[clock] = 3_600_000;
        },
      });
      const machine = () => ({ wallAt: world.clock.now() + suspended.wallAt, uptimeMs: 1_000 + suspended.uptimeMs });
      const after = await dispatch({ ...world.deps, machine }, world.ledger.current(), bytes);
      expect(world.log.filter((what) => what.startsWith('durable') || what === 'reached')).toEqual([
        ...['durable submitting', 'durable queued'],
        ...['durable submitting', 'reached', 'durable in_progress'],
      ]);
      expect({ status: after.status, sends: after.sends, bytes: world.bytes.length }).toEqual({
        status: 'in_progress',
        sends: 1,
        bytes: 1,
      });
    },
  );

  it('goes back to the queue unsent when no permit comes within a tenth of a second, and waits for its turn again', async () => {
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
    expect(waits).toEqual([permitWithinMs, permitWithinMs]);
    expect(world.log.filter((what) => what.startsWith('durable'))).toEqual([
      ...['durable submitting', 'durable queued', 'durable submitting', 'durable in_progress'],
    ]);
    expect(world.placesHeld()).toBe(0);
  });

  it('never sends without a permit, though its lease is good by a clock that has stopped', async () => {
    const world = fakeWorld({ record: queuedRecord(), init: [ok()] });
    const { limiter, asked } = givesAfter(1, world);
    const ended = dispatch({ ...world.deps, limiter, clock: standingStill(world) }, world.ledger.current(), bytes);
    await world.clock.passUntil(() => world.bytes.length === 1);
    await ended;
    expect(asked()).toBe(2);
    expect(world.log).toContain('kept back');
  });

  it('gives its place back when the breaker has opened meanwhile, and makes no intent', async () => {
    let isOpen = false;
    let hasOpened = false;
    const atTheBreaker: (() => void)[] = [];
    const world = fakeWorld({
      record: queuedRecord(),
      init: [ok()],
      before: (what) => {
        if (what === 'place' && !hasOpened) isOpen = hasOpened = true;
      },
    });
    const waitUntilClosed = (): Promise<void> => (isOpen ? new Promise((resolve) => atTheBreaker.push(resolve)) : Promise.resolve());
    const sending = dispatch({ ...world.deps, breaker: { waitUntilClosed, isOpen: () => isOpen } }, world.ledger.current(), bytes);
    await turn();
    expect(world.placesHeld()).toBe(0);
    expect(world.log.filter((what) => what.startsWith('durable'))).toEqual([]);
    isOpen = false;
    atTheBreaker.shift()?.();
    await sending;
    expect(world.bytes).toHaveLength(1);
  });

  it('makes no intent before a slot is free', async () => {
    const world = fakeWorld({ record: queuedRecord(), init: [ok()] });
    const { promise: free, resolve: release } = Promise.withResolvers<void>();
    const slot: FakeWorld['deps']['slot'] = (work) => free.then(work);
    const sending = dispatch({ ...world.deps, slot }, world.ledger.current(), bytes);
    await turn();
    expect(world.log).toEqual([]);
    release();
    await sending;
    expect(world.bytes).toHaveLength(1);
  });

  it.each([
    ['which shows that it was paid, and is an alert', ok({ status: 'accepted', entryStatus: 'succeeded' }), 1],
    ['which refuses it', refusal('account_not_found'), 0],
  ])('leaves a record alone that is in its next attempt when a late answer to the former one comes, %s', async (_, answer, alerts) => {
    const world = await sent({
      init: [answer],
      before: (what, { ledger }) => {
        if (what === 'first byte?') ledger.set({ attempt: 2, status: 'submitting', sends: 1 });
      },
    });
    expect(world.ledger.current()).toMatchObject({ attempt: 2, status: 'submitting', sessionId: null });
    expect(world.ledger.events).toEqual([]);
    expect(world.alerts.filter((text) => text.startsWith('possible_double_payment'))).toHaveLength(alerts);
  });

  it("undoes its own intent only when nothing was sent, never another process's made since", async () => {
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
    { name: 'an unlisted code needs a manual decision', answer: refusal('moon_phase'), status: 'unknown', stops: [] },
    {
      name: 'a rejected configuration returns the record to the queue',
      answer: refusal('authentication_error', 401),
      status: 'queued',
      stops: ['authentication_error'],
    },
  ])('is not repeated: $name', async ({ answer, status, stops }) => {
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

  it('is not failed by a late refusal when another process has sent it again: a person is notified', async () => {
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

  it('is tried again after a growing pause when it is proven not to have arrived, with a new intent each time', async () => {
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

  it('waits at least as long as the gateway asked to, and holds all sends back', async () => {
    const busy = { type: 'answer', httpStatus: 429, json: undefined, retryAfterMs: 5000 } as const;
    const world = fakeWorld({ record: queuedRecord(), init: [busy, ok()] });
    const began = world.clock.now();
    const ended = dispatch(world.deps, world.ledger.current(), bytes);
    await world.clock.passUntil(() => world.bytes.length === 2);
    await ended;
    expect(world.clock.now() - began).toBe(5000);
    expect(world.pushedBack).toEqual({ limiter: 5000, follow: 0 });
  });

  it('reports pushback and stop before its slot is free for the next send', async () => {
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

  it('goes back to the queue unsent at the end of its lease', async () => {
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

  it.each(['way', 'place', 'permit', 'first byte?'])(
    'sends nothing and leaves the record queued when the run stops at "%s"',
    async (step) => {
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
    },
  );

  it('waits for its answer when the run stops after its bytes left, and is not tried again', async () => {
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

  it('is not made when another process has made an intent meanwhile', async () => {
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

  it('is not made for another instruction that has its record id by now', async () => {
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

  it('is not made when its intent cannot be made durable', async () => {
    const world = fakeWorld({ record: queuedRecord(), init: [ok()] });
    const deps = { ...world.deps, ledger: { ...world.deps.ledger, advance: () => Promise.reject(new Error('disk full')) } };
    await expect(dispatch(deps, world.ledger.current(), bytes)).rejects.toThrow('disk full');
    expect(world.bytes).toEqual([]);
    expect(world.placesHeld()).toBe(0);
  });
});

describe('advance', () => {
  it('decides again on the record as it is now, until it is written or nothing is to be done', async () => {
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
});

describe('an answer that means that the balance does not cover it', () => {
  const codes = ['insufficient_funds', 'insufficient_balance', 'not_enough_funds', 'provider_insufficient_funds'];

  it.each(codes)('%s pauses the batch before the record is queued again, and parks it with its body', async (code) => {
    const world = await sent({ init: [refusal(code)] });
    expect(world.log).toEqual([...firstTry, 'reached', 'paused underfunded', 'durable queued', 'durable queued']);
    const record = world.ledger.current();
    expect(record).toMatchObject({ status: 'queued', sends: 0, firstSentAt: null, dueAt: null, reason: { code: 'underfunded' } });
    expect(record.reason?.description).toContain('EUR 1.00 is missing');
    expect(world.ledger.kept()).toEqual(bytes);
    expect(world.ledger.events.map(({ status, error }) => [status, error?.code])).toEqual([['queued', 'underfunded']]);
  });

  it('leaves the record open when a webhook showed that it had arrived', async () => {
    const world = await sent({
      init: [refusal('insufficient_funds')],
      before(what, { ledger }) {
        if (what === 'paused underfunded') ledger.set({ status: 'in_progress', sessionId: 'ps_1', alreadyReceived: true });
      },
    });
    expect(world.ledger.current()).toMatchObject({ status: 'in_progress', sessionId: 'ps_1', sends: 1 });
  });

  it('leaves the record open when it was sent again meanwhile', async () => {
    const world = await sent({
      init: [refusal('insufficient_funds')],
      before(what, { ledger }) {
        if (what === 'paused underfunded') ledger.set({ status: 'unknown', sends: 2, leaseOwner: 'another' });
      },
    });
    expect(world.ledger.current()).toMatchObject({ status: 'unknown', sends: 2 });
  });
});
