import { describe, expect, it } from 'vitest';
import type { CarryWrite } from '../../../src/ledger/memory/ledger.ts';
import { ok, openWorld, shown, signers, succeeded } from './world.ts';

const body = (): Buffer => Buffer.from(JSON.stringify({ type: 'payment_finished', session: shown(succeeded) }));

describe('the signature of a webhook', () => {
  it('by any of the configured keys is right: a key is replaced without a gap', async () => {
    for (const by of ['gateway', 'next'] as const) {
      const world = await openWorld();
      await world.send();
      expect(await world.receive(body(), by)).toMatchObject({ status: 200, outcome: 'applied' });
      expect(await world.record()).toMatchObject({ status: 'succeeded' });
    }
  });

  it('that is missing, of another key, or of other bytes is refused before anything is parsed, and nothing changes', async () => {
    const world = await openWorld();
    const open = await world.send();
    const other = Buffer.from(body().toString().replace('1230', '1231'));
    const right = await signers.gateway.sign(body());
    const refused = [
      await world.receiver.receive(body(), undefined),
      await world.receiver.receive(body(), ''),
      await world.receiver.receive(body(), await signers.stranger.sign(body())),
      await world.receiver.receive(other, right),
      await world.receiver.receive(Buffer.concat([body(), Buffer.from('\n')]), right),
      // Not JSON, and not looked at.
      await world.receiver.receive(Buffer.from('{'), right),
    ];
    for (const answer of refused)
      expect(answer).toMatchObject({ status: 401, type: 'unverified', outcome: 'bad_signature', body: { error: 'bad_signature' } });
    expect(await world.record()).toEqual(open);
  });

  it("is of the bytes as they came: blanks and the order of members are the sender's", async () => {
    const world = await openWorld();
    await world.send();
    const odd = Buffer.from(`\n {"session" : ${JSON.stringify(shown(succeeded), null, 3)} , "more": [1e3], "type":"payment_finished"}\t`);
    expect(await world.receive(odd)).toMatchObject({ status: 200, outcome: 'applied' });
  });
});

describe('the body of a webhook that is signed', () => {
  const session = JSON.stringify(shown(succeeded));
  it.each([
    ['not JSON', 'hello', 'not_json'],
    ['empty', '', 'not_json'],
    ['cut off', body().subarray(0, 100), 'not_json'],
    ['not UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]), 'not_json'],
    ['UTF-16', Buffer.from(body().toString(), 'utf16le'), 'not_json'],
    ['with a byte order mark', Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), body()]), 'not_json'],
    ['with a member twice', `{"type":"payment_finished","session":${session},"session":${session}}`, 'member_twice'],
    [
      'with a member of the session twice',
      `{"type":"payment_finished","session":{"status":"accepted",${session.slice(1)}}`,
      'member_twice',
    ],
    [
      'with the same member in two spellings',
      `{"type":"payment_finished","session":${session},"sess\\u0069on":${session}}`,
      'member_twice',
    ],
    ['deep', `{"type":"payment_finished","session":${session},"deep":${'['.repeat(30_000)}${']'.repeat(30_000)},"n":1.5}`, 'too_deep'],
    ['without a session', '{"type":"payment_finished"}', 'no_session'],
    ['with the session null', '{"type":"payment_finished","session":null}', 'no_session'],
    ['a list', `[${session}]`, 'no_session'],
    ['a text', '"session"', 'no_session'],
    ['with a session that is a text', '{"type":"payment_finished","session":"ps_1"}', 'session_unreadable'],
    ['with a session without an id', '{"type":"payment_finished","session":{"status":"accepted"}}', 'session_unreadable'],
    ['with an id that is a number', `{"session":${session.replace('"ps_1"', '1')}}`, 'session_unreadable'],
    ['with an amount that is a text', `{"session":${session.replace('1230', '"1230"')}}`, 'session_unreadable'],
    ['with an amount that is no integer', `{"session":${session.replace('1230', '1230.0')}}`, 'session_unreadable'],
    [
      'with a refund that is no object',
      `{"session":${session.replace('"status":"succeeded"', '"status":"succeeded","refunds":["rf_1"]')}}`,
      'session_unreadable',
    ],
    [
      'with refunds that are no list',
      `{"session":${session.replace('"status":"succeeded"', '"status":"succeeded","refunds":{}')}}`,
      'session_unreadable',
    ],
    [
      'with more entries than are read',
      `{"session":${session.replace(/"payments":\[(.*)\]/, `"payments":[${Array(1_001).fill('{}').join(',')}]`)}}`,
      'session_unreadable',
    ],
    ['with entries that are no list', `{"session":${session.replace(/"payments":\[(.*)\]/, '"payments":$1')}}`, 'session_unreadable'],
  ])('%s is refused with what is wrong, and nothing changes', async (_, bytes, error) => {
    const world = await openWorld();
    const open = await world.send();
    expect(await world.receive(bytes)).toMatchObject({ status: 400, outcome: 'unreadable', body: { error } });
    expect(await world.record()).toEqual(open);
    expect(world.failures).toEqual([]);
  });

  it('of a type that is not known yet, or of no type, counts by its session', async () => {
    for (const type of ['payment_paused', undefined, 7, { a: 1 }]) {
      const world = await openWorld();
      await world.send();
      expect(await world.receive({ type, session: shown(succeeded) })).toMatchObject({ status: 200, type: 'other', outcome: 'applied' });
    }
  });

  it.each(['1.0', '1e0', '{"toString":1,"valueOf":1}', '[1]', '{}', 'true', 'null'])(
    'whose metadata has the attempt %s is answered, and proves nothing',
    async (attempt) => {
      const world = await openWorld();
      const open = await world.send();
      const text = JSON.stringify({ type: 'payment_finished', session: shown(succeeded) }).replaceAll(
        '"attempt":1',
        `"attempt":${attempt}`,
      );
      expect(await world.receive(text)).toMatchObject({ status: 200 });
      expect(world.failures).toEqual([]);
      expect(await world.record()).toEqual(open);
    },
  );

  it.each(['7', '[]', '{}', '"redirect"', '{"type":7}', '{"type":"redirect","redirect":{"url":"javascript:alert(1)"}}'])(
    'whose next action or interaction is %s is taken as far as it is understood',
    async (odd) => {
      const world = await openWorld();
      await world.send();
      const open = JSON.stringify(shown()).replace(
        '"status":"in_progress"',
        `"status":"in_progress","next_action":${odd},"customer_interaction":${odd}`,
      );
      expect(await world.receive(`{"type":"action_required","session":${open}}`)).toMatchObject({ status: 200, outcome: 'applied' });
      expect(await world.record()).toMatchObject({ status: 'in_progress', reason: { code: 'action_required' } });
      expect(world.failures).toEqual([]);
    },
  );

  it('carries nothing of what it holds in the answer', async () => {
    const world = await openWorld();
    const answer = await world.receive('{"secret":"4242424242424242","secret":1}');
    expect(JSON.stringify(answer.body)).not.toMatch(/4242|secret/);
  });
});

describe('the answer to a webhook', () => {
  it('is OK only when the change is durable', async () => {
    const gate = Promise.withResolvers<void>();
    let isHeld = false;
    const carry: CarryWrite = async (name, apply) => {
      if (isHeld && name === 'advance') await gate.promise;
      return apply();
    };
    const world = await openWorld({ carry });
    await world.send();
    isHeld = true;
    let answered = false;
    const answer = world.webhook('payment_finished', succeeded).finally(() => (answered = true));
    while (world.clock.sleepers() === 0) await world.clock.pass(0);
    await world.clock.pass(1_000);
    expect(answered).toBe(false);
    gate.resolve();
    expect(await answer).toMatchObject({ status: 200, outcome: 'applied' });
    expect(await world.record()).toMatchObject({ status: 'succeeded' });
  });

  it('is 503 when the ledger does not write it, and the webhook that comes again is taken', async () => {
    let fails = false;
    const carry: CarryWrite = async (name, apply) => {
      if (fails && name === 'advance') throw new Error('disk full');
      return apply();
    };
    const world = await openWorld({ carry });
    await world.send();
    fails = true;
    expect(await world.webhook('payment_finished', succeeded)).toMatchObject({ status: 503, outcome: 'unavailable' });
    expect(world.failures).toMatchObject([{ message: 'disk full' }]);
    fails = false;
    expect(await world.webhook('payment_finished', succeeded)).toMatchObject({ status: 200, outcome: 'applied' });
  });

  it('is 503 when an alert is not durable, before anything changes; the webhook that comes again raises it', async () => {
    for (const isQueued of [false, true]) {
      let fails = true;
      const world = await openWorld({
        onAlert() {
          if (fails) throw new Error('disk full');
        },
      });
      const open = isQueued ? await world.admit() : await world.send();
      const wrong = isQueued ? succeeded : { ...succeeded, amount: 1229 };
      expect(await world.webhook('payment_finished', wrong)).toMatchObject({ status: 503, outcome: 'unavailable' });
      expect(await world.record()).toEqual(open);
      fails = false;
      expect(await world.webhook('payment_finished', wrong)).toMatchObject({ status: 200, outcome: 'applied' });
      expect(world.alerts).toMatchObject([{ alert: isQueued ? 'ledger_behind' : 'evidence_mismatch' }]);
    }
  });

  it('is 503 when the ledger takes too long, and the same webhook again finds what was written late', async () => {
    const gate = Promise.withResolvers<void>();
    let isHeld = false;
    const carry: CarryWrite = async (name, apply) => {
      if (isHeld && name === 'advance') await gate.promise;
      return apply();
    };
    const world = await openWorld({ carry });
    await world.send();
    isHeld = true;
    const answer = world.webhook('payment_finished', succeeded);
    // The signature is verified outside of virtual time.
    while (world.clock.sleepers() === 0) await world.clock.pass(0);
    await world.clock.pass(10_000);
    expect(await answer).toMatchObject({ status: 503, outcome: 'unavailable' });
    gate.resolve();
    await world.clock.pass(0);
    expect(await world.webhook('payment_finished', succeeded)).toMatchObject({ status: 200, outcome: 'known' });
    expect(world.statuses()).toEqual(['unknown', 'succeeded']);
  });

  it('is 503 when a record is missing in a ledger that may have lost data', async () => {
    const world = await openWorld({ isLive: false });
    expect(await world.webhook('payment_finished', succeeded)).toMatchObject({ status: 503, outcome: 'unavailable' });
    expect(world.alerts).toEqual([]);
  });
});

describe('an end of the process', () => {
  it('waits for the confirmations that webhooks asked for, and leaves what comes after to the schedule', async () => {
    const gate = Promise.withResolvers<void>();
    const world = await openWorld({
      async respond(call) {
        if (call.type === 'confirm') await gate.promise;
        return ok({ entryStatus: 'pending' });
      },
    });
    await world.send();
    await world.webhook('ready_to_confirm', { nextAction: 'confirm', entryStatus: 'pending' });
    await world.acted();
    let isOver = false;
    const end = world.receiver.drain?.().finally(() => (isOver = true));
    await world.acted();
    expect(isOver).toBe(false);
    gate.resolve();
    await end;
    expect(world.calls).toEqual(['init', 'confirm ps_1']);
  });

  it('between the answer and the confirmation loses nothing: the record is due', async () => {
    const world = await openWorld({ respond: () => ok() });
    await world.send();
    await world.receiver.drain?.();
    await world.webhook('ready_to_confirm', { nextAction: 'confirm', entryStatus: 'pending' });
    await world.acted();
    expect(world.calls).toEqual(['init']);
    expect(await world.record()).toMatchObject({ dueAt: world.clock.now(), confirmSession: null });
  });
});
