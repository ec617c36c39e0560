/**
 * Permits at a rate that all instances share. The schedule is Redis's: slots, an interval apart, each given to one
 * instance, which lets one waiter pass from the slot's beginning until its `life` is over, or none. With
 * life = (burst - 1) intervals any window holds at most rate x window + burst of them, however late replies and
 * timers are. Slots are reserved a little ahead, so that no trip to Redis comes between a slot and its use.
 *
 * Without a burst there is nothing for lateness to use up. In this process permits are then kept an interval apart
 * by the clock; two of different instances may come nearer by what the second was less late than the first, at most
 * half an interval. So a window of whole intervals, as a second at a whole rate, still never holds one too many.
 */
import type { Clock } from '../../../batches/ports/clock.ts';
import type { Limiter } from '../../../batches/ports/limiter.ts';
import type { Random } from '../../../batches/ports/random.ts';
import { betweenDropsMs, rampedRate, type RateDrop } from '../recovery-ramp.ts';
import { burstOf } from '../local.ts';
import { createRateFeedback } from './rate-feedback.ts';
import type { Outage } from './outage.ts';
import { createPause, type Pause } from './pause.ts';
import { createLimiterScripts, type Reservation } from './scripts.ts';
import { createServerTime } from './redis-time.ts';
import { createTripTime, mostAheadMs } from './trip-time.ts';
import { createWaiters, noPermitWithin, type Waiters } from '../waiters.ts';
import type { ScriptRunner } from '../../redis/by-key-scripts.ts';

/** No permit is used later than this after it was given: `mostAheadMs` and the longest life, that of no burst. */
const oldestMs = 50;
const longestLifeMs = oldestMs - mostAheadMs;
/** A new schedule begins an interval after what a lost one may have held, but keeps no caller waiting for long. */
const longestSettleMs = 1_000;
/** At high rates slots are fetched together rather than one by one. */
const leastPauseMs = 3;
/** More blocks than fit into `mostAheadMs` are not in reach. */
const mostBlocks = 4;
/** A wait is checked again after so long: another instance may have given slots back. */
const longestPauseMs = 1_000;
/** Room to make up for late timers where nothing else is: half a percent of the rate. */
const stretchWithoutBurst = 1.005;

/** @property at where the slot begins, server time in milliseconds from a moment of this limiter's own */
interface Slot {
  readonly at: number;
  readonly base: string;
  readonly number: number;
}

export interface GcraLimiterParams {
  readonly redis: ScriptRunner;
  readonly key: string;
  /** Permits a second. */
  readonly rate: number;
  readonly clock: Pick<Clock, 'sleep'>;
  readonly now: () => number;
  readonly random: Random;
  readonly outage: Outage;
}

/** What is known of the schedule, in milliseconds of `now`. */
interface State {
  /** Reserved and not used yet, in the order of their beginnings; never more than waiters. */
  slots: Slot[];
  originUs: number | undefined;
  closedUntil: number;
  /** Where the first slot begins that was free when Redis answered last. */
  nextBeginsAt: number;
  fallen: (RateDrop & { readonly at: number }) | undefined;
}

/** Everything that stays the same while the limiter lives. */
function termsOf({ redis, key, rate }: GcraLimiterParams) {
  const burst = burstOf(rate);
  const intervalMs = 1000 / rate;
  const lifeMs = burst > 1 ? (burst - 1) * intervalMs : Math.min(intervalMs / 2, longestLifeMs);
  const scripts = createLimiterScripts({
    redis,
    key,
    rate,
    stretch: burst > 1 ? 1 : stretchWithoutBurst,
    // What is left of the life of the oldest slot is the time its permit has to come here.
    backlogMs: burst > 1 ? lifeMs / 2 : 0,
    settleMs: Math.max(oldestMs, mostAheadMs + Math.min(intervalMs, longestSettleMs)),
  });
  return { burst, intervalMs, lifeMs, scripts, serverTime: createServerTime(), trips: createTripTime() };
}

type Terms = ReturnType<typeof termsOf>;

interface Asked {
  readonly sentAt: number;
  readonly receivedAt: number;
  readonly aheadMs: number;
}

/** Adds what a reply reserved, and what it says of pauses and of the rate. */
function takeReply(state: State, { serverTime, lifeMs }: Terms, reply: Reservation, asked: Asked): void {
  const { sentAt, receivedAt, aheadMs } = asked;
  state.originUs ??= reply.nowUs;
  const serverMs = (reply.nowUs - state.originUs) / 1000;
  // By the clock as it is now the older slots begin elsewhere.
  if (!serverTime.note({ sentAt, receivedAt, serverMs })) state.slots = [];
  state.nextBeginsAt = reply.waitMs > 0 ? receivedAt + reply.waitMs + aheadMs : Number.NEGATIVE_INFINITY;
  state.fallen = reply.fall === undefined ? undefined : { low: reply.fall.low, at: sentAt - reply.fall.elapsedMs };
  if (reply.closedMs > 0) {
    const { from } = serverTime.within({ beginsMs: serverMs + reply.closedMs, lifeMs }, receivedAt);
    state.closedUntil = Math.max(state.closedUntil, from);
  }
  for (let n = 0; n < reply.given; n += 1)
    state.slots.push({ at: serverMs + reply.firstInMs + n * reply.intervalMs, base: reply.base, number: reply.first + n });
}

/** Gives back those at the end of the schedule; earlier ones are lost. */
function returnSlots({ scripts }: Terms, unused: readonly Slot[]): void {
  const last = unused.at(-1);
  if (last === undefined) return;
  let from = last.number;
  for (const slot of unused.toReversed()) if (slot.base === last.base && slot.number === from - 1) from -= 1;
  // Nothing depends on it: when Redis is away the slots are lost, and the next question reports the outage.
  scripts.returnPermits({ base: last.base, from, to: last.number + 1 }).catch(() => undefined);
}

export function createGcraLimiter(params: GcraLimiterParams): Limiter {
  const { rate, clock, now, outage } = params;
  const terms = termsOf(params);
  const { burst, intervalMs, scripts } = terms;
  const none = Number.NEGATIVE_INFINITY;
  const state: State = { slots: [], originUs: undefined, closedUntil: none, nextBeginsAt: none, fallen: undefined };
  const pause = createPause(clock);
  const giveBack = (unused: readonly Slot[]): void => {
    returnSlots(terms, unused);
    // They can be reserved again at once.
    if (unused.length > 0) pause.end();
  };
  const waiters = createWaiters(clock, () => {
    giveBack(state.slots.splice(waiters.size()));
    if (waiters.size() > 0) return;
    pause.end();
    server.rest();
  });
  const ask = createAsking({ params, terms, state, waiters, pause, giveBack, serve: () => server.serve() });
  const server = createServing({ params, terms, state, waiters, giveBack, ask });
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
    acquire(signal, withinMs) {
      if (signal.aborted) return Promise.reject(signal.reason as Error);
      if (withinMs !== undefined && withinMs <= 0) return Promise.reject(noPermitWithin(withinMs));
      const turn = waiters.join(signal, withinMs);
      void ask();
      return turn;
    },
    pushBack(ms) {
      if (!(ms > 0)) return;
      state.closedUntil = Math.max(state.closedUntil, now() + ms);
      feedback.closeUntil(now() + ms);
    },
    closedForMs: () => Math.max(state.closedUntil - now(), 0),
    nextInMs: (ahead) => Math.max(Math.max(state.nextBeginsAt, state.closedUntil) - now(), 0) + Math.max(ahead + 1 - burst, 0) * intervalMs,
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
  readonly waiters: Waiters;
  readonly giveBack: (unused: readonly Slot[]) => void;
}

/** One round of questions at a time, while more wait than slots are reserved. */
function createAsking(shared: Shared & { readonly pause: Pause; readonly serve: () => void }): () => Promise<void> {
  const { params, terms, state, waiters, pause, giveBack, serve } = shared;
  const { now, random, outage } = params;
  const { burst, intervalMs, scripts, trips } = terms;
  let isAsking = false;
  /** Blocks of a burst, asked for in one trip to Redis: more as long as there are more in reach. */
  let blocksAtOnce = 1;
  /** No block is larger than the burst, and no more is asked for than is missing. */
  const blocksOf = (missing: number): number[] =>
    Array.from({ length: Math.min(Math.ceil(missing / burst), blocksAtOnce) }, (_, n) => Math.min(burst, missing - n * burst));

  const askOnce = async (): Promise<void> => {
    const [sentAt, aheadMs] = [now(), trips.aheadMs()];
    const blocks = blocksOf(waiters.size() - state.slots.length);
    const replies = await Promise.allSettled(blocks.map((wanted) => scripts.reserve({ wanted, aheadMs })));
    const receivedAt = now();
    const failure = replies.find((reply) => reply.status === 'rejected');
    for (const reply of replies) {
      if (reply.status !== 'fulfilled') continue;
      takeReply(state, terms, reply.value, { sentAt, receivedAt, aheadMs });
      giveBack(state.slots.splice(waiters.size()));
    }
    serve();
    if (failure !== undefined) {
      blocksAtOnce = 1;
      outage.failed(failure.reason);
      return pause.sleep(outage.pauseMs());
    }
    outage.answered();
    trips.note(receivedAt - sentAt);
    const { waitMs } = (replies.at(-1) as PromiseFulfilledResult<Reservation>).value;
    blocksAtOnce = waitMs > 0 ? 1 : Math.min(2 * blocksAtOnce, mostBlocks);
    // The spread lets each of several instances be the first one now and then.
    if (waitMs > 0) await pause.sleep(Math.min(Math.max(waitMs, leastPauseMs) + random() * Math.min(1, intervalMs / 4), longestPauseMs));
  };

  return async () => {
    if (isAsking) return;
    isAsking = true;
    while (waiters.size() > state.slots.length) {
      const closedMs = state.closedUntil - trips.aheadMs() - now();
      if (closedMs > 0) await pause.sleep(Math.min(closedMs, longestPauseMs));
      else await askOnce();
    }
    isAsking = false;
  };
}

/** Lets waiters pass whose slot has started; drops slots that are over. */
function createServing({ params, terms, state, waiters, giveBack, ask }: Shared & { readonly ask: () => Promise<void> }) {
  const { now, clock } = params;
  const { burst, intervalMs, lifeMs, serverTime } = terms;
  let passedAt = Number.NEGATIVE_INFINITY;
  let timer: AbortController | undefined;

  const serve = (): void => {
    const late: Slot[] = [];
    const { slots } = state;
    for (let slot = slots[0]; slot !== undefined; slot = slots[0]) {
      const moment = now();
      const { from, to } = serverTime.within({ beginsMs: slot.at, lifeMs }, moment);
      const begins = Math.max(from, state.closedUntil, burst > 1 ? from : passedAt + intervalMs);
      if (begins > to || moment > to) late.push(slot);
      else if (moment < begins) {
        wakeIn(begins - moment);
        break;
      } else {
        passedAt = moment;
        waiters.letPass();
      }
      slots.shift();
    }
    if (slots.length === 0) giveBack(late);
    if (waiters.size() > slots.length) void ask();
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
