/**
 * Permits at a rate that all instances share. The schedule is Redis's: slots, an interval apart, each given to one
 * instance, which lets one waiter pass from the slot's beginning until its `life` is over, or none. With
 * life = (burst - 1) intervals any window holds at most rate x window + burst of them, however late replies and
 * timers are. Slots are reserved ahead, for the callers that are expected, so that neither a slow trip to Redis nor a
 * pause of this process in which it cannot ask costs a slot; and a permit is refused right before the first byte when
 * the life of its slot is over by then.
 *
 * Without a burst there is nothing for lateness to use up. In this process permits are then kept an interval apart
 * by the clock; two of different instances may come nearer by what the second was less late than the first, at most
 * half an interval. So a window of whole intervals, as a second at a whole rate, still never holds one too many.
 */
import type { Limiter } from '../../../batches/ports/limiter.ts';
import { betweenDropsMs, rampedRate } from '../recovery-ramp.ts';
import { createWaiters, noPermitWithin, type Waiters } from '../waiters.ts';
import { aheadMs, returnSlots, takeReply, termsOf, type GcraLimiterParams, type Slot, type State, type Terms } from './gcra-state.ts';
import { createPause, type Pause } from './pause.ts';
import { createRateFeedback } from './rate-feedback.ts';
import { createReservations } from './reservations.ts';
import type { Reservation } from './scripts.ts';

/** From a permit until its first byte, all but always: a slot with less of its life left is not worth an attempt. */
const shortestLeftMs = 0.5;
/** A permit with a window is granted so long before it: longer than this process pauses, all but always. */
const windowAheadMs = 60;
/** Slots are fetched together rather than one by one: so much comes into reach between two questions. */
const leastPauseMs = 20;
/** A wait is checked again after so long: another instance may have given slots back. */
const longestPauseMs = 1_000;

export function createGcraLimiter(params: GcraLimiterParams): Limiter {
  const { rate, clock, now, outage } = params;
  const terms = termsOf(params);
  const { burst, intervalMs, scripts } = terms;
  const none = Number.NEGATIVE_INFINITY;
  const state: State = { slots: [], expected: 0, originUs: undefined, closedUntil: none, nextBeginsAt: none, fallen: undefined };
  const pause = createPause(clock);
  const reservations = createReservations(() => state.slots.length);
  const giveBack = (unused: readonly Slot[]): void => {
    returnSlots(terms, unused);
    // They can be reserved again at once.
    if (unused.length > 0) pause.end();
  };
  const callers = (): number => Math.max(waiters.size(), state.expected);
  const waiters = createWaiters(clock, () => {
    giveBack(state.slots.splice(callers()));
    if (callers() > 0) return;
    pause.end();
    server.rest();
  });
  const serve = (): void => {
    server.serve();
    reservations.look();
  };
  const ask = createAsking({ params, terms, state, callers, pause, giveBack, serve });
  const server = createServing({ params, terms, state, waiters, callers, giveBack, ask });
  const feedback = createRateFeedback({
    pushBack: scripts.pushBack,
    slowDown: async () => {
      const { low, elapsedMs } = await scripts.slowDown();
      state.fallen = { low, at: now() - elapsedMs };
    },
    clock,
    now,
    outage,
  });

  return {
    expect(count) {
      state.expected = count;
      giveBack(state.slots.splice(callers()));
      if (callers() > state.slots.length) void ask();
    },
    reserved: (ahead, signal) => reservations.wait(ahead, signal),
    acquire(signal, withinMs) {
      if (signal.aborted) return Promise.reject(signal.reason as Error);
      if (withinMs !== undefined && withinMs <= 0) return Promise.reject(noPermitWithin(withinMs));
      const turn = waiters.join(signal, withinMs);
      // A slot may be there that waits for its caller.
      if (state.slots.length > 0) serve();
      void ask();
      return turn;
    },
    pushBack(ms) {
      if (!(ms > 0)) return;
      state.closedUntil = Math.max(state.closedUntil, now() + ms);
      feedback.closeUntil(now() + ms);
    },
    closedForMs: () => Math.max(state.closedUntil - now(), 0),
    nextInMs(ahead) {
      const reserved = state.slots[ahead];
      if (reserved !== undefined) return Math.max(Math.max(reserved.localAt, state.closedUntil) - now(), 0);
      const free = ahead - state.slots.length;
      return Math.max(Math.max(state.nextBeginsAt, state.closedUntil) - now(), 0) + Math.max(free + 1 - burst, 0) * intervalMs;
    },
    slowDown() {
      if (state.fallen !== undefined && now() - state.fallen.at < betweenDropsMs) return;
      feedback.slowDown();
    },
    rate: () => (state.fallen === undefined ? rate : rampedRate(rate, state.fallen, now() - state.fallen.at)),
  };
}

interface Shared {
  readonly params: GcraLimiterParams;
  readonly terms: Terms;
  readonly state: State;
  readonly callers: () => number;
  readonly giveBack: (unused: readonly Slot[]) => void;
}

/** One question at a time, while there are more callers than slots that are reserved. */
function createAsking(shared: Shared & { readonly pause: Pause; readonly serve: () => void }): () => Promise<void> {
  const { params, terms, state, callers, pause, giveBack, serve } = shared;
  const { now, random, outage } = params;
  const { scripts } = terms;
  let isAsking = false;

  const askOnce = async (): Promise<void> => {
    const sentAt = now();
    let reply: Reservation;
    try {
      reply = await scripts.reserve({ wanted: callers() - state.slots.length, aheadMs });
    } catch (cause) {
      serve();
      outage.failed(cause);
      return pause.sleep(outage.pauseMs());
    }
    takeReply(state, terms, reply, { sentAt, receivedAt: now() });
    giveBack(state.slots.splice(callers()));
    serve();
    outage.answered();
    // The spread lets each of several instances be the first one now and then.
    const { waitMs } = reply;
    if (waitMs > 0) await pause.sleep(Math.min(Math.max(waitMs, leastPauseMs) + (random() * leastPauseMs) / 2, longestPauseMs));
  };

  return async () => {
    if (isAsking) return;
    isAsking = true;
    while (callers() > state.slots.length) {
      const closedMs = state.closedUntil - aheadMs - now();
      if (closedMs > 0) await pause.sleep(Math.min(closedMs, longestPauseMs));
      else await askOnce();
    }
    isAsking = false;
  };
}

/** Lets waiters pass whose slot has started; drops slots that are over. */
function createServing(shared: Shared & { readonly waiters: Waiters; readonly ask: () => Promise<void> }) {
  const { params, terms, state, waiters, callers, giveBack, ask } = shared;
  const { now, clock, windows = false } = params;
  const { burst, intervalMs, lifeMs, serverTime } = terms;
  const spacingMs = burst > 1 ? 0 : intervalMs;
  let passedAt = Number.NEGATIVE_INFINITY;
  let timer: AbortController | undefined;

  const serve = (): void => {
    const late: Slot[] = [];
    const { slots } = state;
    for (let slot = slots[0]; slot !== undefined; slot = slots[0]) {
      const moment = now();
      const { from, to } = serverTime.within({ beginsMs: slot.at, lifeMs }, moment);
      const opens = Math.max(from, state.closedUntil);
      const begins = windows ? opens - windowAheadMs : Math.max(opens, burst > 1 ? opens : passedAt + intervalMs);
      if (opens > to || begins > to || moment > to - Math.min(shortestLeftMs, lifeMs / 4)) late.push(slot);
      else if (moment < begins) {
        wakeIn(begins - moment);
        break;
      } else {
        // A caller that is expected and not there yet may still come in its life.
        if (waiters.size() === 0) {
          wakeIn(to - moment);
          break;
        }
        passedAt = moment;
        state.expected = Math.max(state.expected - 1, 0);
        const isValid = (): boolean => now() <= to && opens >= state.closedUntil;
        waiters.letPass(windows ? { isValid, window: { from: opens, to, spacingMs } } : { isValid });
      }
      slots.shift();
    }
    if (slots.length === 0) giveBack(late);
    if (callers() > slots.length) void ask();
  };

  const wakeIn = (ms: number): void => {
    timer?.abort();
    const controller = new AbortController();
    timer = controller;
    clock.sleep(ms, controller.signal).then(
      () => {
        if (timer !== controller) return;
        timer = undefined;
        serve();
      },
      () => undefined,
    );
  };

  return {
    serve,
    rest(): void {
      timer?.abort();
      timer = undefined;
    },
  };
}
