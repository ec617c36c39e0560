/**
 * The gateway and the bank behind it, simulated. It keeps what is true (which sessions there are, what was paid) apart from
 * what it shows: an answer may be lost, late, odd, or leave things out, and it never claims an end that is not true.
 */
import type { GatewayResponse } from '../batches/gateway/gateway-response.ts';
import type { WebhookType } from '../batches/record/webhook-evidence.ts';
import { view, waitsForConfirmation, type BankSession, type Entry } from './bank-session.ts';
import type { Dice } from './dice.ts';
import type { Story } from './story.ts';
import type { Timeline } from './timeline.ts';

/** How often each odd thing happens, from 0 to 1. */
export interface BankFaults {
  readonly lostRequest: number;
  readonly lostAnswer: number;
  readonly lateAnswer: number;
  readonly serverError: number;
  readonly tooMany: number;
  readonly refuse: number;
  readonly maintenancePage: number;
  readonly errorWithSession: number;
  readonly noMetadata: number;
  readonly noAmount: number;
  readonly otherAmount: number;
  readonly secondEntry: number;
  readonly sessionError: number;
  readonly failEntry: number;
  readonly statusFails: number;
  readonly sharedSession: number;
  /** One call opens two sessions: one for the answer, and one that only webhooks show. */
  readonly twoSessions: number;
}

export interface BankTerms {
  readonly faults: BankFaults;
  /** How long a key is remembered, milliseconds. */
  readonly keyMemoryMs: number;
  /** What a remembered key is answered with. */
  /** The header in which it looks for the key. */
  readonly header: string;
  readonly onKnownKey: 'error' | 'session';
  /** `manual`: nothing is paid before it is confirmed. */
  readonly confirm: 'auto' | 'manual';
  readonly confirmWithinMs: number;
}

/** One movement of money. */
export interface Payment {
  readonly recordId: string;
  readonly sessionId: string;
  readonly amount: number;
}

export interface Arrival {
  readonly recordId: string;
  readonly attempt: number;
  /** Milliseconds since the beginning. */
  readonly at: number;
}

export interface Bank {
  /** What the call is answered with; the request has arrived. */
  answerTo(call: BankCall): GatewayResponse | 'lost';
  readonly sessions: ReadonlyMap<string, BankSession>;
  readonly payments: readonly Payment[];
  /** Every key that was seen, with the record id and attempt it was used for. */
  readonly keysSeen: ReadonlyMap<string, Set<string>>;
  /** Requests for payments that arrived, in their order. */
  readonly arrivals: readonly Arrival[];
  /** Sessions that a program asked to confirm. */
  readonly confirmed: ReadonlySet<string>;
  /** A person confirms a session in the gateway's own pages. @returns false when it does not wait for that */
  confirmByPerson(sessionId: string): boolean;
  /** How often odd things happen now. */
  readonly faults: () => BankFaults;
  /** From now on it answers well. */
  heal(): void;
}

export type BankCall =
  | { readonly type: 'init'; readonly header: string; readonly key: string; readonly bytes: Uint8Array }
  | { readonly type: 'status' | 'confirm' | 'cancel' | 'capture'; readonly sessionId: string };

const ok = (session: unknown): GatewayResponse => ({ type: 'answer', httpStatus: 200, json: { status: 'ok', session } });
const error = (httpStatus: number, code: string, session?: unknown): GatewayResponse => ({
  type: 'answer',
  httpStatus,
  json: { status: 'error', error: { code, description: `simulated ${code}` }, ...(session === undefined ? {} : { session }) },
});
const page: GatewayResponse = { type: 'answer', httpStatus: 200, json: undefined };

interface Body {
  readonly amount_details: { readonly amount: number; readonly currency: string };
  readonly metadata: { readonly record_id: string; readonly attempt: number };
}

interface Deps {
  readonly terms: BankTerms;
  readonly dice: Dice;
  readonly timeline: Timeline;
  readonly story: Story;
  /** Sends a webhook with the session as it is shown at this moment. */
  readonly notify: (type: WebhookType, session: object) => void;
}

const noFaults = (faults: BankFaults): BankFaults =>
  Object.fromEntries(Object.keys(faults).map((name) => [name, 0])) as unknown as BankFaults;

interface State {
  faults: BankFaults;
  readonly sessions: Map<string, BankSession>;
  readonly byKey: Map<string, { readonly session: BankSession; readonly at: number }>;
  readonly payments: Payment[];
  readonly arrivals: Arrival[];
  readonly confirmed: Set<string>;
  readonly keysSeen: Map<string, Set<string>>;
}

export function createBank(deps: Deps): Bank {
  const state: State = {
    faults: deps.terms.faults,
    sessions: new Map(),
    byKey: new Map(),
    payments: [],
    arrivals: [],
    confirmed: new Set(),
    keysSeen: new Map(),
  };
  return {
    sessions: state.sessions,
    payments: state.payments,
    arrivals: state.arrivals,
    confirmed: state.confirmed,
    confirmByPerson: (sessionId) => confirmByPerson(deps, state, sessionId),
    keysSeen: state.keysSeen,
    faults: () => state.faults,
    heal: () => void (state.faults = noFaults(state.faults)),
    answerTo: (call) => (call.type === 'init' ? answerInit(deps, state, call) : answerFollow(deps, state, call)),
  };
}

function answerInit(deps: Deps, state: State, { header, key, bytes }: Extract<BankCall, { type: 'init' }>): GatewayResponse | 'lost' {
  const { dice, terms, story, timeline } = deps;
  const { faults } = state;
  const body = JSON.parse(Buffer.from(bytes).toString('utf8')) as Body;
  const { record_id: recordId, attempt } = body.metadata;
  state.arrivals.push({ recordId, attempt, at: timeline.elapsed() });
  const isTooMany = dice.chance(faults.tooMany);
  const uses = state.keysSeen.get(key) ?? new Set();
  // What is answered with 429 is not taken. If it is cancelled then, its record id may come again with other content.
  state.keysSeen.set(key, uses.add(`${recordId}#${attempt} ${isTooMany ? '' : Buffer.from(bytes).toString('utf8')}`));
  if (isTooMany) return { type: 'answer', httpStatus: 429, json: undefined, retryAfterMs: 1_000 };
  if (dice.chance(faults.serverError)) return { type: 'answer', httpStatus: 503, json: undefined };
  if (dice.chance(faults.maintenancePage)) return page;
  // It looks for the key in one header; under another one it is no key.
  const remembered = header === terms.header ? key : `${header}:${state.sessions.size}`;
  const known = state.byKey.get(remembered);
  if (known !== undefined && timeline.elapsed() - known.at < terms.keyMemoryMs) {
    story.tell('bank', `knows key of ${recordId}#${attempt}`);
    const answer = terms.onKnownKey === 'session' ? ok(view(known.session)) : error(409, 'idempotency_key_already_exists');
    return dice.chance(faults.lostAnswer) ? 'lost' : answer;
  }
  if (dice.chance(faults.refuse)) {
    story.tell('bank', `refuses ${recordId}#${attempt}`);
    return dice.chance(faults.lostAnswer) ? 'lost' : error(400, 'account_not_found');
  }
  const session = openSession(deps, state, { body, key, remembered });
  if (faults.twoSessions > 0 && dice.chance(faults.twoSessions))
    openSession(deps, state, { body, key, remembered: `${remembered}:second` });
  const shown = dice.chance(faults.sharedSession) ? [...state.sessions.values()][0] : session;
  const answer = dice.chance(faults.errorWithSession) ? error(400, 'invalid_request', view(session)) : ok(view(shown ?? session));
  return dice.chance(faults.lostAnswer) ? 'lost' : answer;
}

function openSession(
  deps: Deps,
  state: State,
  { body, key, remembered }: { readonly body: Body; readonly key: string; readonly remembered: string },
): BankSession {
  const { dice, terms, timeline, story } = deps;
  const { faults } = state;
  const id = `ps_${state.sessions.size + 1}`;
  const { amount, currency } = body.amount_details;
  const entry: Entry = { id: `${id}_1`, status: 'in_progress', amount: dice.chance(faults.otherAmount) ? amount + 1 : amount };
  const session: BankSession = {
    id,
    recordId: body.metadata.record_id,
    attempt: body.metadata.attempt,
    key,
    amount,
    currency,
    entries: [entry],
    status: 'in_progress',
    hidesMetadata: dice.chance(faults.noMetadata),
    hidesAmount: dice.chance(faults.noAmount),
  };
  state.sessions.set(id, session);
  state.byKey.set(remembered, { session, at: timeline.elapsed() });
  story.tell('bank', `opens ${id} for ${session.recordId}#${session.attempt}${entry.amount === amount ? '' : ' with another amount'}`);
  timeline.plan(dice.between(10, 2_000), () => {
    if (terms.confirm === 'auto') settle(deps, state, session);
    else askForConfirmation(deps, session);
  });
  return session;
}

function askForConfirmation({ timeline, terms, story, notify }: Deps, session: BankSession): void {
  for (const entry of session.entries) if (entry.status === 'in_progress') entry.status = 'pending';
  notify('ready_to_confirm', view(session));
  timeline.plan(terms.confirmWithinMs, () => {
    if (!session.entries.some(({ status }) => status === 'pending')) return;
    story.tell('bank', `cancels ${session.id}, which was not confirmed in time`);
    session.status = 'cancelled';
    for (const entry of session.entries) entry.status = 'failed';
    notify('payment_finished', view(session));
  });
}

/** The money moves, or surely does not. */
function settle(deps: Deps, state: State, session: BankSession): void {
  const { dice, timeline, story, notify } = deps;
  const { faults } = state;
  if (dice.chance(faults.sessionError)) session.status = 'error';
  for (const entry of session.entries) entry.status = 'in_progress';
  timeline.plan(dice.between(10, 5_000), () => {
    const [entry] = session.entries;
    if (entry === undefined || session.status === 'cancelled') return;
    if (dice.chance(faults.secondEntry)) {
      // Its own second try, as acquirers make it: the first one failed for good.
      entry.status = 'failed';
      const second: Entry = { id: `${session.id}_2`, status: 'in_progress', amount: entry.amount };
      session.entries.push(second);
      story.tell('bank', `tries ${session.id} again in a second entry`);
      session.status = 'accepted';
      timeline.plan(dice.between(10, 3_000), () => pay(deps, state, session, second));
      return;
    }
    if (dice.chance(faults.failEntry)) {
      entry.status = 'failed';
      session.status = 'accepted';
      story.tell('bank', `fails ${session.id}`);
      notify('payment_finished', view(session));
      return;
    }
    pay(deps, state, session, entry);
  });
}

function pay({ story, notify }: Deps, state: State, session: BankSession, entry: Entry): void {
  entry.status = 'succeeded';
  session.status = 'accepted';
  state.payments.push({ recordId: session.recordId, sessionId: session.id, amount: entry.amount });
  story.tell('bank', `PAYS ${session.recordId} under ${session.id}`);
  notify('payment_finished', view(session));
}

function answerFollow(deps: Deps, state: State, { type, sessionId }: Exclude<BankCall, { type: 'init' }>): GatewayResponse | 'lost' {
  const { dice, story } = deps;
  const session = state.sessions.get(sessionId);
  if (dice.chance(state.faults.statusFails)) return dice.pick([page, error(404, 'not_found'), error(500, 'internal_error')]);
  if (session === undefined) return error(404, 'not_found');
  const isWaiting = waitsForConfirmation(session);
  if (type === 'confirm') state.confirmed.add(sessionId);
  if (type === 'confirm' && isWaiting) {
    story.tell('bank', `${sessionId} is confirmed`);
    settle(deps, state, session);
  }
  if (type === 'cancel' && isWaiting) {
    story.tell('bank', `${sessionId} is cancelled by us`);
    session.status = 'cancelled';
    for (const entry of session.entries) entry.status = 'failed';
    deps.notify('payment_finished', view(session));
  }
  return dice.chance(state.faults.lostAnswer) ? 'lost' : ok(view(session));
}

function confirmByPerson(deps: Deps, state: State, sessionId: string): boolean {
  const session = state.sessions.get(sessionId);
  if (session === undefined || !waitsForConfirmation(session)) return false;
  deps.story.tell('bank', `${sessionId} is confirmed by a person`);
  settle(deps, state, session);
  return true;
}
