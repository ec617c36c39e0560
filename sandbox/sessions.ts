/** All sessions, in the order in which they were recorded, with their keys and calls. */
import type { Draws } from './seeded-random.ts';
import type { EchoStore } from './echo-store.ts';
import type { ErrorCode } from './errors.ts';
import type { Outcome, Lifecycle } from './lifecycle.ts';
import type { Order } from './order.ts';
import type { Kind } from './body-rules.ts';

/**
 * One session with its one entry. It is small: echoed members are in the echo store.
 *
 * @property amountMinor as requested; `shownAmountMinor` is what the gateway shows
 * @property cancelledWord the spelling of `cancelled` for this session: both occur
 */
export interface Session extends Lifecycle {
  readonly id: string;
  readonly project: string;
  readonly kind: Kind;
  readonly idempotencyKey: string | null;
  readonly recordId: string | null;
  readonly amountMinor: number;
  readonly shownAmountMinor: number;
  readonly currency: string;
  readonly echoOffset: number;
  readonly cancelledWord: 'cancelled' | 'canceled';
  decision: 'none' | 'confirmed' | 'cancelled';
  decidedAtMs: number;
}

/** @property ordinal number of this call under its identity, from 1
 * @property session what the key recorded earlier
 */
interface Call {
  readonly ordinal: number;
  readonly session: Session | undefined;
}

interface NewSession {
  readonly project: string;
  readonly identity: string;
  readonly idempotencyKey: string | null;
  readonly recordId: string | null;
  readonly order: Order;
  readonly draws: Draws;
  readonly atMs: number;
  readonly waitsForConfirmation: boolean;
  readonly outcome: Outcome;
  readonly failCode: ErrorCode;
  readonly shownAmountMinor: number;
  readonly cancelledWord: 'cancelled' | 'canceled';
}

export interface Sessions {
  /** Counts a call. Synchronous up to `record`, so that two calls with one key cannot both find it unused. */
  call(project: string, identity: string): Call;
  record(params: NewSession): Session;
  find(project: string, id: string): Session | undefined;
  readonly all: readonly Session[];
}

interface Slot {
  calls: number;
  session: Session | undefined;
}

export function createSessions(echoes: EchoStore): Sessions {
  const all: Session[] = [];
  const byId = new Map<string, Session>();
  const projects = new Map<string, Map<string, Slot>>();

  function slotOf(project: string, identity: string): Slot {
    let slots = projects.get(project);
    if (slots === undefined) projects.set(project, (slots = new Map<string, Slot>()));
    let slot = slots.get(identity);
    if (slot === undefined) slots.set(identity, (slot = { calls: 0, session: undefined }));
    return slot;
  }

  return {
    all,
    call(project, identity) {
      const slot = slotOf(project, identity);
      slot.calls += 1;
      return { ordinal: slot.calls, session: slot.session };
    },
    record(params) {
      const { order } = params;
      const session: Session = {
        id: `ps_${params.draws.token}`,
        project: params.project,
        kind: order.kind,
        idempotencyKey: params.idempotencyKey,
        recordId: params.recordId,
        amountMinor: order.amountMinor,
        shownAmountMinor: params.shownAmountMinor,
        currency: order.currency,
        echoOffset: echoes.put(order.echo),
        cancelledWord: params.cancelledWord,
        recordedAtMs: params.atMs,
        waitsForConfirmation: params.waitsForConfirmation,
        outcome: params.outcome,
        failCode: params.failCode,
        decision: 'none',
        decidedAtMs: 0,
      };
      slotOf(params.project, params.identity).session = session;
      byId.set(session.id, session);
      all.push(session);
      return session;
    },
    find(project, id) {
      const session = byId.get(id);
      return session?.project === project ? session : undefined;
    },
  };
}

/** `po_…` for payouts, `pm_…` for payments; opaque, but the same for the same session in every run. */
export const entryIdOf = ({ id, kind }: Session): string => `${kind === 'payout' ? 'po' : 'pm'}_${id.slice(11)}${id.slice(3, 11)}`;
