/** The ports of a simulated process. Each asks before and after everything that it does whether the process still lives. */
import type { GatewayResponse } from '../batches/gateway/gateway-response.ts';
import type { Clock } from '../batches/ports/clock.ts';
import type { Gateway } from '../batches/ports/gateway.ts';
import type { Ledger } from '../batches/ports/ledger.ts';
import type { ResultSink } from '../batches/ports/result-sink.ts';
import { LedgerWriteError } from '../src/ledger/errors.ts';
import { type LedgerTime } from '../src/ledger/ledger-time.ts';
import { openMemoryLedger } from '../src/ledger/memory/ledger.ts';
import type { BankCall } from './bank.ts';
import { noteSent } from './gates.ts';
import type { RunSettings, World } from './world.ts';

export const never = new Promise<never>(() => undefined);

/** Whether the process lives; each port asks before and after everything that it does. */
export interface Life {
  isAlive(): boolean;
  /** Dies here now, with the probability of the schedule. */
  risk(where: string): void;
}

/** What the ports need to know of their process. */
export interface PortParams {
  readonly world: World;
  readonly settings: RunSettings;
  /** The chance that a write to the ledger fails: it is lost, or written and not acknowledged. */
  readonly brokenWrites?: number;
}

/** A port call of a living process: a short wait, the effect, and perhaps death before or after it. */
export async function perform<Result>(
  { world: { machine, dice } }: Pick<PortParams, 'world'>,
  life: Life,
  what: string,
  effect: () => Result,
): Promise<Result> {
  if (!life.isAlive()) return never;
  life.risk(`before ${what}`);
  if (!life.isAlive()) return never;
  await new Promise<void>((resolve) => void machine.after(dice.between(0, 5), resolve));
  if (!life.isAlive()) return never;
  const result = effect();
  life.risk(`after ${what}`);
  return life.isAlive() ? result : never;
}

/** @param now the time that it shows; its sleeps are monotonic */
export function clockOf({ world: { machine } }: Pick<PortParams, 'world'>, life: Life, now: () => number): Clock {
  return {
    now,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (!life.isAlive()) return;
        if (signal?.aborted === true) {
          reject(signal.reason as Error);
          return;
        }
        const stop = (): void => {
          cancel();
          if (life.isAlive()) reject(signal?.reason as Error);
        };
        const cancel = machine.after(ms, () => {
          signal?.removeEventListener('abort', stop);
          if (life.isAlive()) resolve();
        });
        signal?.addEventListener('abort', stop, { once: true });
      }),
  };
}

export function gatewayOf(params: PortParams, life: Life): Gateway {
  const { world, settings } = params;
  const { timeline, machine, dice, bank, story } = world;
  const lost = (code: 'connection_lost' | 'answer_timeout'): GatewayResponse => ({
    type: 'transport',
    proof: 'open',
    code,
    message: 'Simulated.',
  });
  const heldBack: GatewayResponse = { type: 'transport', proof: 'not_sent', code: 'lease_over', message: 'It was too late.' };
  const call = (what: string, request: BankCall, mayStart: () => boolean = () => true): Promise<GatewayResponse> =>
    new Promise((resolve) => {
      const answer = (response: GatewayResponse): void => {
        life.risk(`with the answer to ${what}`);
        if (life.isAlive()) resolve(response);
      };
      if (!life.isAlive()) return;
      life.risk(`before the bytes of ${what}`);
      if (!life.isAlive()) return;
      if (!mayStart()) {
        answer(heldBack);
        return;
      }
      // From here on the request may arrive, whatever becomes of the process.
      if (request.type === 'init') noteSent(world, request.bytes);
      const faults = bank.faults();
      life.risk(`after the bytes of ${what}`);
      const isLost = request.type === 'init' && dice.chance(faults.lostRequest);
      const travelMs = dice.between(1, 50);
      const timeout = machine.after(settings.timeoutMs, () => answer(lost('answer_timeout')));
      if (isLost) {
        story.tell('network', `loses ${what}`);
        timeout();
        timeline.plan(travelMs, () => machine.deliver(() => answer(lost('connection_lost'))));
        return;
      }
      timeline.plan(travelMs, () => {
        const response = bank.answerTo(request);
        const backMs = dice.chance(faults.lateAnswer) ? settings.timeoutMs + dice.between(-200, 2_000) : dice.between(1, 100);
        timeline.plan(backMs, () => {
          machine.deliver(() => {
            timeout();
            if (response !== 'lost') story.tell('network', `answers ${what}`);
            answer(response === 'lost' ? lost('connection_lost') : response);
          });
        });
      });
    });
  return {
    prepare: ({ idempotencyKey, bytes }) =>
      perform(params, life, 'signing', () => ({
        send: ({ mayStart }) => call('init', { type: 'init', header: settings.idempotencyHeader, key: idempotencyKey, bytes }, mayStart),
      })),
    status: (sessionId) => call(`status ${sessionId}`, { type: 'status', sessionId }),
    confirm: (sessionId) => call(`confirm ${sessionId}`, { type: 'confirm', sessionId }),
    cancel: (sessionId) => call(`cancel ${sessionId}`, { type: 'cancel', sessionId }),
    capture: (sessionId) => call(`capture ${sessionId}`, { type: 'capture', sessionId }),
    balance: async () => ({ type: 'answer', httpStatus: 200, json: { status: 'ok' } }),
    close: async () => undefined,
  };
}

/** Appends whole lines; what a former process wrote and could not note is known by its event id. */
export function sinkOf(params: PortParams, life: Life): ResultSink {
  const { results } = params.world;
  return {
    async publish(entries) {
      for (const { eventId, json } of entries)
        await perform(params, life, 'a result line', () => {
          if (!results.some((line) => line.includes(eventId))) results.push(json);
        });
      return { mark: String(results.reduce((bytes, line) => bytes + Buffer.byteLength(line) + 1, 0)) };
    },
    close: async () => undefined,
  };
}

export function ledgerOf(params: PortParams, life: Life, clock: Clock, time: LedgerTime): Ledger {
  const { store, keys, audit, dice, story } = params.world;
  const breaks = (what: string, how: string): void => {
    if (params.brokenWrites === undefined || !dice.chance(params.brokenWrites)) return;
    story.tell('disk', `fails: ${what} ${how}`);
    throw new LedgerWriteError(`simulated: ${what} ${how}`);
  };
  const carry = async <Result>(what: string, apply: () => Result): Promise<Result> => {
    breaks(what, 'is lost');
    const result = await perform(params, life, `the ledger's ${what}`, apply);
    breaks(what, 'is written');
    return result;
  };
  // Events belong to the process that runs: a stand-alone ledger has one outbox.
  return openMemoryLedger({ store, rules: { keys, audit }, clock, time, owner: 'stand-alone', carry });
}
