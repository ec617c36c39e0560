/** What every implementation of the Gateway port must hold. Run on the HTTP gateway and on the fake of the tests. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deliveryOf, type GatewayResponse, type TransportCode } from '../../batches/gateway/gateway-response.ts';
import type { Gateway } from '../../batches/ports/gateway.ts';
import type { GatewayCall } from '../support/fake-gateway.ts';

/** How the calls of a test end. `lost_answer`: the gateway has the whole request and its answer never comes. */
export type Ending =
  | { readonly type: 'answer'; readonly httpStatus: number; readonly body: string; readonly retryAfterSeconds?: number }
  | { readonly type: 'lost_answer' }
  | { readonly type: 'unreachable' };

export interface GatewayHarness {
  readonly gateway: Gateway;
  /** Calls that the gateway received, in order. */
  received(): readonly GatewayCall[];
  /** Decides how the calls from now on end. */
  endWith(ending: Ending): Promise<void>;
  dispose(): Promise<void>;
}

const ok: Ending = { type: 'answer', httpStatus: 200, body: '{"status":"ok"}' };
const bytes = Buffer.from('{ "amount_details": {"amount": 1000},  "é": "\\u00e9" }');
const request = { kind: 'payout', bytes, idempotencyKey: 'key-1' } as const;
const always = (): boolean => true;
const transport = (code: TransportCode): object => ({ type: 'transport', code, proof: deliveryOf[code] });

/** The harness of the test that runs. */
type Under = { readonly [Member in keyof GatewayHarness]: GatewayHarness[Member] };

const sendInit = async ({ gateway }: Under, mayStart = always): Promise<GatewayResponse> =>
  (await gateway.prepare(request)).send({ mayStart });

/** Every call of the port, each by its name. */
const everyCall = (under: Under): [string, () => Promise<GatewayResponse>][] => [
  ['init', () => sendInit(under)],
  ['status', () => under.gateway.status('ps_1')],
  ['confirm', () => under.gateway.confirm('ps_1')],
  ['cancel', () => under.gateway.cancel('ps_1')],
  ['capture', () => under.gateway.capture('ps_1')],
  ['balance', () => under.gateway.balance()],
];

export function gatewaySuite(name: string, createHarness: () => Promise<GatewayHarness>): void {
  describe(`gateway contract: ${name}`, () => {
    let harness: GatewayHarness;
    beforeEach(async () => {
      harness = await createHarness();
      await harness.endWith(ok);
    });
    afterEach(() => harness.dispose());
    const under: Under = {
      get gateway() {
        return harness.gateway;
      },
      received: () => harness.received(),
      endWith: (ending) => harness.endWith(ending),
      dispose: () => harness.dispose(),
    };
    prepareSuite(under);
    responseSuite(under);
    closeSuite(under);
  });
}

function prepareSuite(under: Under): void {
  describe('prepare and send', () => {
    it('a prepared call that is not sent never reaches the gateway', async () => {
      await under.gateway.prepare(request);
      await under.gateway.balance();
      expect(under.received()).toEqual([{ type: 'balance' }]);
    });

    it('send delivers exactly the bytes, of their kind and under their key', async () => {
      const payment = { kind: 'payment', bytes: Buffer.from('{}'), idempotencyKey: 'key-2' } as const;
      const calls = [await under.gateway.prepare(request), await under.gateway.prepare(payment)];
      for (const call of calls.toReversed())
        expect(await call.send({ mayStart: always })).toMatchObject({ type: 'answer', httpStatus: 200 });
      const received = under.received().map((call) => (call.type === 'init' ? { ...call, bytes: Buffer.from(call.bytes) } : call));
      expect(received).toEqual([
        { type: 'init', ...payment },
        { type: 'init', ...request },
      ]);
    });

    it('a call that is sent a second time rejects with a TypeError and is not delivered again', async () => {
      const call = await under.gateway.prepare(request);
      await call.send({ mayStart: always });
      await expect(call.send({ mayStart: always })).rejects.toThrow(TypeError);
      expect(under.received()).toHaveLength(1);
    });

    it('asks mayStart before the gateway receives anything, and only when the call is sent', async () => {
      const receivedWhenAsked: number[] = [];
      const call = await under.gateway.prepare(request);
      const mayStart = (): boolean => {
        receivedWhenAsked.push(under.received().length);
        return true;
      };
      expect(receivedWhenAsked).toEqual([]);
      await call.send({ mayStart });
      expect(new Set(receivedWhenAsked)).toEqual(new Set([0]));
      expect(under.received()).toHaveLength(1);
    });

    it('a call that mayStart holds back is proven not to be sent', async () => {
      expect(await sendInit(under, () => false)).toMatchObject(transport('lease_over'));
      expect(under.received()).toEqual([]);
    });

    it('the other calls carry the session that they are about', async () => {
      await under.gateway.status('ps_1');
      await under.gateway.confirm('ps_2');
      await under.gateway.cancel('ps_3');
      await under.gateway.capture('ps_4');
      expect(under.received()).toEqual([
        { type: 'status', sessionId: 'ps_1' },
        { type: 'confirm', sessionId: 'ps_2' },
        { type: 'cancel', sessionId: 'ps_3' },
        { type: 'capture', sessionId: 'ps_4' },
      ]);
    });
  });
}

function responseSuite(under: Under): void {
  describe('the response', () => {
    it.each([200, 400, 429, 500, 503])('of HTTP %i is an answer with its status and JSON, for every call', async (httpStatus) => {
      await under.endWith({ type: 'answer', httpStatus, body: '{"status":"error","error":{"code":"c"}}' });
      for (const [called, call] of everyCall(under)) {
        const json = { status: 'error', error: { code: 'c' } };
        expect(await call(), called).toEqual({ type: 'answer', httpStatus, json });
      }
    });

    it('of a body that is not JSON is an answer without JSON', async () => {
      await under.endWith({ type: 'answer', httpStatus: 200, body: '<html>maintenance</html>' });
      expect(await sendInit(under)).toEqual({ type: 'answer', httpStatus: 200, json: undefined });
    });

    it('carries how long the gateway asks to wait', async () => {
      await under.endWith({ type: 'answer', httpStatus: 429, body: '{}', retryAfterSeconds: 7 });
      expect(await sendInit(under)).toEqual({ type: 'answer', httpStatus: 429, json: {}, retryAfterMs: 7_000 });
    });

    it('of a lost answer is open, and the call is never repeated', async () => {
      await under.endWith({ type: 'lost_answer' });
      for (const [called, call] of everyCall(under)) {
        const before = under.received().length;
        expect(await call(), called).toMatchObject(transport('connection_lost'));
        expect(under.received(), called).toHaveLength(before + 1);
      }
    });

    it('of an unreachable gateway proves that nothing was sent', async () => {
      await under.endWith({ type: 'unreachable' });
      for (const [called, call] of everyCall(under)) expect(await call(), called).toMatchObject(transport('connection_refused'));
      expect(under.received()).toEqual([]);
    });
  });
}

function closeSuite(under: Under): void {
  describe('close', () => {
    it('is idempotent, and a call after it is proven not to be sent', async () => {
      const prepared = await under.gateway.prepare(request);
      await under.gateway.close();
      await under.gateway.close();
      expect(await prepared.send({ mayStart: always })).toMatchObject(transport('lease_over'));
      for (const [called, call] of everyCall(under)) expect(await call(), called).toMatchObject(transport('lease_over'));
      expect(under.received()).toEqual([]);
    });
  });
}
