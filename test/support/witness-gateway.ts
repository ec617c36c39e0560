/** A well-behaved gateway that remembers every byte: how many sessions each record got, under which keys and bodies. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

interface InitBody {
  readonly amount_details: { readonly amount: number; readonly currency: string };
  readonly metadata: { readonly record_id: string };
}

interface Session {
  readonly id: string;
  readonly init: InitBody;
  /** `created` until it is asked for once: so a run has to follow it before it can confirm. */
  state: 'created' | 'awaiting_confirmation' | 'confirmed';
}

/** What the gateway saw of one record. */
export interface Witnessed {
  readonly keys: Set<string>;
  /** Every init body, as text. */
  readonly bodies: Set<string>;
  inits: number;
  sessions: number;
  confirms: number;
}

export interface WitnessOptions {
  /** Drops the answer of this init after its session was created. `nth` counts the inits of the record, from 1. */
  readonly losesAnswer?: (recordId: string, nth: number) => boolean;
}

export interface WitnessGateway {
  readonly url: string;
  /** By record id. */
  readonly records: ReadonlyMap<string, Witnessed>;
  /** All records together. */
  count(what: 'inits' | 'sessions' | 'confirms'): number;
  /** Forgets every idempotency key, as a gateway does after their lifetime. */
  forgetKeys(): void;
  close(): Promise<void>;
}

const readBody = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
};

const answer = (response: ServerResponse, status: number, value: object): void =>
  void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));

const shownAs = {
  created: { status: 'in_progress', entry: 'in_progress' },
  awaiting_confirmation: { status: 'in_progress', entry: 'pending', next: { next_action: 'confirm' } },
  confirmed: { status: 'accepted', entry: 'succeeded' },
} as const;

function view({ id, init, state }: Session): object {
  const { status, entry, next = {} } = { next: undefined, ...shownAs[state] };
  return {
    id,
    status,
    ...next,
    payments: [{ id: `po_${id}`, status: entry, amount_details: init.amount_details, metadata: init.metadata }],
  };
}

/** The gateway's memory, without HTTP. */
function createMemory({ losesAnswer = () => false }: WitnessOptions) {
  const records = new Map<string, Witnessed>();
  const keys = new Set<string>();
  const sessions = new Map<string, Session>();
  const of = (recordId: string): Witnessed => {
    const known = records.get(recordId) ?? { keys: new Set(), bodies: new Set(), inits: 0, sessions: 0, confirms: 0 };
    records.set(recordId, known);
    return known;
  };
  return {
    records,
    forgetKeys: () => keys.clear(),
    /** @returns undefined for an answer that is lost */
    init(text: string, key: string | undefined): { readonly status: number; readonly value: object } | undefined {
      const init = JSON.parse(text) as InitBody;
      const seen = of(init.metadata.record_id);
      seen.inits += 1;
      seen.bodies.add(text);
      if (key !== undefined) seen.keys.add(key);
      if (key !== undefined && keys.has(key)) {
        const error = { code: 'idempotency_key_already_exists', description: 'already in progress or processed' };
        return { status: 400, value: { status: 'error', error } };
      }
      if (key !== undefined) keys.add(key);
      seen.sessions += 1;
      const session: Session = { id: `ps_${sessions.size + 1}`, init, state: 'created' };
      sessions.set(session.id, session);
      return losesAnswer(init.metadata.record_id, seen.inits)
        ? undefined
        : { status: 200, value: { status: 'ok', session: view(session) } };
    },
    session(method: string, text: string): { readonly status: number; readonly value: object } {
      const session = sessions.get((JSON.parse(text) as { readonly session_id: string }).session_id);
      if (session === undefined)
        return { status: 400, value: { status: 'error', error: { code: 'invalid_request', description: 'none' } } };
      if (method === 'session/confirm') {
        session.state = 'confirmed';
        of(session.init.metadata.record_id).confirms += 1;
      } else if (session.state === 'created') session.state = 'awaiting_confirmation';
      return { status: 200, value: { status: 'ok', session: view(session) } };
    },
  };
}

export async function startWitnessGateway(options: WitnessOptions = {}): Promise<WitnessGateway> {
  const memory = createMemory(options);
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const method = (request.url ?? '').replace('/api/v1/', '');
    const text = await readBody(request);
    if (method.startsWith('session/init/')) {
      const key = request.headers['x-partner-idempotency-key'];
      const answered = memory.init(text, typeof key === 'string' ? key : undefined);
      if (answered === undefined) response.destroy();
      else answer(response, answered.status, answered.value);
      return;
    }
    if (method === 'wallet/balance') return answer(response, 200, { status: 'ok', wallets: [] });
    const answered = memory.session(method, text);
    answer(response, answered.status, answered.value);
  };
  const server = createServer((request, response) => {
    // A request that is cut off by a kill has reached no gateway.
    serve(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    records: memory.records,
    count: (what) => [...memory.records.values()].reduce((sum, seen) => sum + seen[what], 0),
    forgetKeys: memory.forgetKeys,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => void server.close(() => resolve()));
    },
  };
}
