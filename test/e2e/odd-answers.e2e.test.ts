/** Answers that no documentation promises: what may be concluded from them, and what they must not stop. */
import { describe, it } from 'vitest';
import { csvOf, payouts, row } from '../support/builders.ts';
import { startScriptedGateway, type ScriptedAnswer, type ScriptedCall, type ScriptedGateway } from '../support/scripted-gateway.ts';
import { countsOf, inWorld, type World } from './world.ts';

type Script = (call: ScriptedCall, sessions: Map<string, ScriptedCall['body']>) => ScriptedAnswer;

const inOddWorld = (script: Script, work: (world: World, gateway: ScriptedGateway) => Promise<void>): Promise<void> =>
  inWorld({}, async (world) => {
    const sessions = new Map<string, ScriptedCall['body']>();
    const gateway = await startScriptedGateway((call) => script(call, sessions));
    Object.assign(world.env, { GATEWAY_URL: gateway.url, FOLLOW_INTERVAL_MS: '100', GATEWAY_KEY_LIFETIME: '12h' });
    try {
      await work(world, gateway);
    } finally {
      await gateway.close();
    }
  });

const idOf = ({ body }: ScriptedCall): string => body.metadata?.record_id ?? '';
const ok = (session: object): ScriptedAnswer => ({ body: { status: 'ok', session } });
const refusal = (code: string, status = 400): ScriptedAnswer => ({
  status,
  body: { status: 'error', error: { code, description: 'why' } },
});
const entry = (body: ScriptedCall['body'], status: string, more: object = {}) => ({
  id: `po_${status}`,
  status,
  amount_details: body.amount_details,
  metadata: body.metadata,
  ...more,
});
const session = (id: string, status: string, entries: readonly object[], more: object = {}) => ({
  id,
  status,
  payments: entries,
  ...more,
});
const paid = (call: ScriptedCall): ScriptedAnswer => ok(session(`ps_${idOf(call)}`, 'accepted', [entry(call.body, 'succeeded')]));

/** Makes the session of an init, and shows it as `view` says whenever it is asked for. */
const sessionsOf =
  (view: (id: string, body: ScriptedCall['body']) => object): Script =>
  (call, sessions) => {
    const id = call.body.session_id ?? `ps_${idOf(call)}`;
    if (call.method.startsWith('session/init/')) sessions.set(id, call.body);
    const body = sessions.get(id);
    return body === undefined ? refusal('invalid_request') : ok(view(id, body));
  };

const statusesOf = (world: World): Record<string, string> => {
  const last = new Map<string, { readonly sequence: number; readonly status: string }>();
  for (const { record_id: recordId = '', sequence, status } of world.events())
    if ((last.get(recordId)?.sequence ?? 0) < sequence) last.set(recordId, { sequence, status });
  return Object.fromEntries([...last].map(([recordId, { status }]) => [recordId, status]));
};

describe.concurrent('a session with several entries', () => {
  it('never fails a record while one of them succeeded or runs', async ({ expect }) => {
    const shown: Record<string, readonly string[]> = {
      fs: ['failed', 'succeeded'],
      fp: ['failed', 'in_progress'],
      sf: ['succeeded', 'failed'],
      ff: ['failed', 'failed'],
      ok: ['succeeded'],
    };
    const script = sessionsOf((id, body) => {
      const entries = (shown[id.slice(3, 5)] ?? []).map((status, index) => entry(body, status, { id: `${id}_${index}` }));
      return session(id, 'accepted', entries);
    });
    await inOddWorld(script, async (world) => {
      const rows = Object.keys(shown).map((prefix) => row(`${prefix}-1`));
      const ran = await world.run(world.write('may.csv', csvOf(rows)), ['--wait', '1s']);
      expect(ran.code).toBe(2);
      expect(statusesOf(world)).toEqual({
        'fs-1': 'succeeded',
        'fp-1': 'in_progress',
        'sf-1': 'succeeded',
        'ff-1': 'failed',
        'ok-1': 'succeeded',
      });
    });
  });

  it('is not confirmed when two of them wait, or the session shows another amount', async ({ expect }) => {
    const other = { amount: 99_999_999, currency: 'usd' };
    const script = sessionsOf((id, body) =>
      id === 'ps_p-1'
        ? session(id, 'in_progress', [entry(body, 'pending'), entry(body, 'pending', { id: 'po_b', amount_details: other })], {
            next_action: 'confirm',
          })
        : session(id, 'in_progress', [entry(body, 'pending')], { next_action: 'confirm', amount_details: other }),
    );
    await inOddWorld(script, async (world, gateway) => {
      const ran = await world.run(world.write('may.csv', csvOf(payouts(2))), ['--wait', '1s']);
      expect(ran.code).toBe(2);
      expect(countsOf(ran.summary)).toEqual({ unknown: 2 });
      expect(gateway.calls.filter(({ method }) => method === 'session/confirm')).toEqual([]);
      expect(ran.stderr.match(/ALERT/g)).toHaveLength(2);
    });
  });

  it('is reported as a possible double payment when two of them succeeded', async ({ expect }) => {
    const script = sessionsOf((id, body) => session(id, 'accepted', [entry(body, 'succeeded'), entry(body, 'succeeded', { id: 'po_b' })]));
    await inOddWorld(script, async (world) => {
      const ran = await world.run(world.write('may.csv', csvOf(payouts(1))), ['--wait', '1s']);
      expect(countsOf(ran.summary)).toEqual({ unknown: 1 });
      expect(ran.stderr).toContain('possible_double_payment');
    });
  });
});

describe.concurrent('an answer to a first send', () => {
  it('is an acceptance when it shows a session, even as an error: the session is followed', async ({ expect }) => {
    const follow = sessionsOf((id, body) => session(id, 'accepted', [entry(body, 'succeeded')]));
    const script: Script = (call, sessions) => {
      const answer = follow(call, sessions);
      if (!call.method.startsWith('session/init/') || answer === 'lost') return answer;
      const shown = session(`ps_${idOf(call)}`, 'in_progress', [entry(call.body, 'in_progress')]);
      return { status: 400, body: { status: 'error', error: { code: 'invalid_request' }, session: shown } };
    };
    await inOddWorld(script, async (world) => {
      const ran = await world.run(world.write('may.csv', csvOf(payouts(3))), ['--wait', '10s']);
      expect([ran.code, countsOf(ran.summary)]).toEqual([0, { succeeded: 3 }]);
    });
  });

  it('makes no record succeed when its session names none of them, and stays with the first of them', async ({ expect }) => {
    const script: Script = (call) => {
      const amount_details = { amount: 107, currency: 'eur' };
      const status = call.method === 'session/status' ? 'succeeded' : 'in_progress';
      return ok(session('ps_same', 'accepted', [{ id: 'po_same', status, amount_details }]));
    };
    await inOddWorld(script, async (world, gateway) => {
      const rows = [1, 2, 3].map((n) => row(`x-${n}`, { amount: '1.07' }));
      const ran = await world.run(world.write('may.csv', csvOf(rows)), ['--wait', '1s']);
      expect([ran.code, countsOf(ran.summary)]).toEqual([2, { in_progress: 1, unknown: 2 }]);
      expect(gateway.inits()).toHaveLength(3);
      expect(ran.stderr).toContain('session_unproven');
      expect(ran.stderr).toMatch(/Gateway session ps_same already belongs to record x-[123]/);
    });
  });

  it.for([
    ['a firewall’s page', { status: 403, body: '<html><title>Request blocked</title></html>' }, 'http_unexpected'],
    [
      'an amount twice',
      { body: '{"status":"ok","session":{"id":"ps_1","status":"accepted","amount_details":{"amount":107,"amount":1,"currency":"eur"}}}' },
      'answer_untrusted',
    ],
    [
      'an amount with an exponent',
      { body: '{"status":"ok","session":{"id":"ps_1","status":"accepted","amount_details":{"amount":1.07e2,"currency":"eur"}}}' },
      'answer_untrusted',
    ],
  ] as const)('that is %s concerns its own row, in every run', async ([, answer, code], { expect }) => {
    await inOddWorld(
      (call) => (idOf(call) === 'waf-1' ? answer : paid(call)),
      async (world) => {
        const rows = [row('waf-1', { description: 'select * from' }), ...payouts(40, 'plain')];
        const path = world.write('may.csv', csvOf(rows));
        for (let runs = 0; runs < 2; runs += 1) {
          const ran = await world.run(path, ['--wait', '1s']);
          expect([ran.code, countsOf(ran.summary)]).toEqual([2, { succeeded: 40, unknown: 1 }]);
          expect(ran.stderr).toContain(code);
        }
      },
    );
  });
});

describe.concurrent('a resend', () => {
  it.for([
    ['account_not_found', refusal('account_not_found')],
    ['authentication_error', refusal('authentication_error', 401)],
    ['too_many_requests', { status: 429, body: {} }],
  ] as const)('that meets %s does not become the reason of the open record', async ([code, answer], { expect }) => {
    await inOddWorld(
      (call) => (call.before === 0 ? 'lost' : answer),
      async (world, gateway) => {
        const path = world.write('may.csv', csvOf(payouts(1)));
        const ran = await world.runUntil('a resend', () => gateway.inits().length > 1, path);
        expect(countsOf(ran.summary)).toEqual({ unknown: 1 });
        expect(new Set(gateway.calls.filter(({ key }) => key !== undefined).map(({ key }) => key)).size).toBe(1);
        expect(world.events().map(({ status, error }) => [status, error?.code])).toEqual([['unknown', 'connection_lost']]);
        const lines = ran.stderr.split('\n').filter((line) => line.includes('line 2'));
        expect(lines.some((line) => line.includes('connection_lost'))).toBe(true);
        expect(lines.some((line) => line.includes(code))).toBe(false);
      },
    );
  });

  it('that proves arrival publishes it', async ({ expect }) => {
    await inOddWorld(
      (call) => (call.before === 0 ? 'lost' : refusal('idempotency_key_already_exists')),
      async (world) => {
        await world.run(world.write('may.csv', csvOf(payouts(1))), ['--wait', '10s']);
        const events = world.events();
        expect(events.map(({ status, error }) => [status, error?.code])).toEqual([
          ['unknown', 'connection_lost'],
          ['unknown', 'idempotency_key_already_exists'],
        ]);
        expect(new Set(events.map(({ event_id: id }) => id)).size).toBe(2);
      },
    );
  });
});

describe.concurrent('a status check', () => {
  it('that is answered with a bare 404 postpones its record and stops no send', async ({ expect }) => {
    const follow = sessionsOf((id, body) => session(id, 'accepted', [entry(body, id === 'ps_p-1' ? 'in_progress' : 'succeeded')]));
    const script: Script = (call, sessions) =>
      call.method === 'session/status' && call.body.session_id === 'ps_p-1' ? { status: 404, body: 'Not found' } : follow(call, sessions);
    await inOddWorld(script, async (world, gateway) => {
      const ran = await world.run(world.write('may.csv', csvOf(payouts(20))), ['--wait', '1s'], { DISPATCH_RATE: '40' });
      expect([ran.code, countsOf(ran.summary)]).toEqual([2, { succeeded: 19, in_progress: 1 }]);
      expect(gateway.inits()).toHaveLength(20);
    });
  });
});

describe.concurrent('the same answer for every row', () => {
  it.for([
    ['a maintenance page under HTTP 200', { body: '<html>maintenance</html>' }, 'answer_untrusted'],
    ['a code that is not listed', refusal('quota_of_the_moon'), 'quota_of_the_moon'],
  ] as const)('%s pauses the sends after twenty, and ends the run with 3', async ([, answer, code], { expect }) => {
    await inOddWorld(
      () => answer,
      async (world, gateway) => {
        const ran = await world.run(world.write('may.csv', csvOf(payouts(400))), ['--wait', '3s'], { DISPATCH_CONCURRENCY: '8' });
        expect(ran.code).toBe(3);
        expect(ran.stderr).toContain(`the gateway gives every instruction the same answer (${code})`);
        // Twenty, what was in flight beside them, and single tries.
        expect(new Set(gateway.inits()).size).toBeLessThan(70);
        expect(countsOf(ran.summary).queued).toBeGreaterThan(330);
      },
    );
  });

  it('a page of something that is not the gateway ends the run at once', async ({ expect }) => {
    await inOddWorld(
      () => ({ status: 404, body: 'Not found' }),
      async (world, gateway) => {
        const ran = await world.run(world.write('may.csv', csvOf(payouts(400))), ['--wait', '60s']);
        expect(ran.code).toBe(3);
        expect(ran.stderr).toContain('Check GATEWAY_URL');
        expect(gateway.inits().length).toBeLessThan(70);
      },
    );
  });
});

describe.concurrent('--wait', () => {
  it.for([
    ['a Retry-After of a day', { status: 429, body: {}, headers: { 'retry-after': '86400' } }],
    ['429 without an end', { status: 429, body: {} }],
  ] as const)('ends a run that meets %s with 3, and no row is left open', async ([, answer], { expect }) => {
    await inOddWorld(
      (call) => (call.before < 2 ? paid(call) : answer),
      async (world) => {
        const ran = await world.run(world.write('may.csv', csvOf(payouts(12))), ['--wait', '2s'], { DISPATCH_CONCURRENCY: '2' });
        expect(ran.code).toBe(3);
        expect(ran.stderr).toContain('the gateway asks for a pause (HTTP 429 or Retry-After)');
        expect(countsOf(ran.summary)).toEqual({ succeeded: 2, queued: 10 });
      },
    );
  });

  it('ends a run whose gateway goes away while open sends are resent', async ({ expect }) => {
    await inOddWorld(
      () => ({ body: {} }),
      async (world, gateway) => {
        const running = world.begin(['run', world.write('may.csv', csvOf(payouts(12))), '--json', '--wait', '4s']);
        while (gateway.inits().length < 12) await new Promise((resolve) => setTimeout(resolve, 20));
        await gateway.close();
        const ended = await running.ended;
        expect([2, 3]).toContain(ended.code);
      },
    );
  });

  it('ends status checks that are to wait for longer', async ({ expect }) => {
    const script: Script = (call) =>
      call.method === 'session/status'
        ? { status: 429, body: {}, headers: { 'retry-after': '3000' } }
        : ok(session(`ps_${idOf(call)}`, 'in_progress', [entry(call.body, 'in_progress')]));
    await inOddWorld(script, async (world) => {
      // Long enough for a status check on any machine, and far shorter than what the gateway asks for.
      const ran = await world.run(world.write('may.csv', csvOf(payouts(3))), ['--wait', '6s']);
      expect([ran.code, countsOf(ran.summary)]).toEqual([2, { in_progress: 3 }]);
      expect(ran.stderr).toContain('status checks wait until');
    });
  });
});
