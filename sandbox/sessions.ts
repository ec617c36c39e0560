/** All sessions, in the order in which they were recorded, with their keys and calls. */
import type { EchoStore } from './echo-store.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { Order } from './order.ts';
import type { Kind } from './body-rules.ts';

/**
 * One session with its entry, and perhaps an earlier entry that failed. It is small: echoed members are in the echo
 * store.
 *
 * @property amountMinor as requested; `shownAmountMinor` is what the gateway shows
 * @property reversedShare the refunded amount is the paid one divided by this number
 * @property failsFirst an entry before the shown one has failed
 * @property secondOf the session that the merchant knows, when the gateway recorded this one beside it
 * @property cancelledWord the spelling of `cancelled` for this session: both occur
 * @property statusCalls number of calls of session/status
 */
export interface Session extends Lifecycle {
  readonly id: string;
  readonly project: string;
  readonly kind: Kind;
  readonly idempotencyKey: string | null;
  readonly recordId: string | null;
  readonly amountMinor: number;
  readonly shownAmountMinor: number;
  readonly reversedShare: number;
  readonly currency: string;
  readonly echoOffset: number;
  readonly failsFirst: boolean;
  readonly secondOf: string | null;
  readonly cancelledWord: 'cancelled' | 'canceled';
  decisions: Lifecycle['decisions'];
  fundedAtMs: number;
  statusCalls: number;
}

/** @property ordinal number of this call under its identity, from 1
 * @property session what the key recorded earlier
 */
interface Call {
  readonly ordinal: number;
  readonly session: Session | undefined;
}

/** @property token 16 hex digits of the session's id */
export interface NewSession
  extends
    Omit<Lifecycle, 'recordedAtMs' | 'decisions' | 'fundedAtMs'>,
    Pick<
      Session,
      'project' | 'idempotencyKey' | 'recordId' | 'shownAmountMinor' | 'reversedShare' | 'failsFirst' | 'secondOf' | 'cancelledWord'
    > {
  readonly identity: string;
  readonly order: Order;
  readonly token: string;
  readonly atMs: number;
}

export interface Sessions {
  /** Counts a call. Synchronous up to `record`, so that two calls with one key cannot both find it unused. */
  call(project: string, identity: string): Call;
  record(params: NewSession): Session;
  find(project: string, id: string): Session | undefined;
  /** Of any project: for the customer, who knows the address only. */
  byId(id: string): Session | undefined;
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
    record({ identity, order, token, atMs, ...rest }) {
      const session: Session = {
        ...rest,
        id: `ps_${token}`,
        kind: order.kind,
        amountMinor: order.amountMinor,
        currency: order.currency,
        echoOffset: echoes.put(order.echo),
        recordedAtMs: atMs,
        decisions: [],
        fundedAtMs: 0,
        statusCalls: 0,
      };
      slotOf(session.project, identity).session ??= session;
      byId.set(session.id, session);
      all.push(session);
      return session;
    },
    find(project, id) {
      const session = byId.get(id);
      return session?.project === project ? session : undefined;
    },
    byId: (id) => byId.get(id),
  };
}

/** `po_…` for payouts, `pm_…` for payments; opaque, but the same for the same session in every run. */
export const entryIdOf = ({ id, kind }: Session): string => `${kind === 'payout' ? 'po' : 'pm'}_${id.slice(11)}${id.slice(3, 11)}`;

/** The entry that failed before the one of `entryIdOf`. */
export const earlierEntryIdOf = ({ id, kind }: Session): string => `${kind === 'payout' ? 'po' : 'pm'}_${id.slice(7)}${id.slice(3, 7)}`;

/** What came back of `amountMinor`; at least one minor unit. */
export const shareOf = ({ reversedShare }: Session, amountMinor: number): number => Math.max(1, Math.floor(amountMinor / reversedShare));
