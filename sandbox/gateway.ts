/** Everything of the sandbox but its server: sessions, methods, webhooks, money, and the pages beside the API. */
import { createAdmin } from './admin.ts';
import type { Admin } from './admin.ts';
import { createApi } from './api.ts';
import type { Api } from './api.ts';
import { systemClock } from './clock.ts';
import type { Clock } from './clock.ts';
import type { Amounts } from './currencies.ts';
import { createDelivery } from './delivery.ts';
import { createEchoStore } from './echo-store.ts';
import type { Fault, FaultRates } from './faults.ts';
import { createFunds } from './funds.ts';
import type { UnderfundedPolicy } from './funds.ts';
import { createMaintenance } from './maintenance.ts';
import type { Method } from './method.ts';
import { createMethods } from './methods.ts';
import { createSeededRandom } from './seeded-random.ts';
import { sessionJson } from './session-view.ts';
import type { View } from './session-view.ts';
import { createSessions } from './sessions.ts';
import { createSigner, createVerifier } from './signature.ts';
import { createWebhooks } from './webhooks.ts';
import type { WebhookDeps, Webhooks } from './webhooks.ts';
import { createCallLog, witnessLine } from './witness.ts';
import type { CallLog, WitnessLine } from './witness.ts';

/**
 * @property port 0: any
 * @property publicKeyPem the merchant's RSA key; without it signatures are not verified
 * @property privateKeyPem the gateway's own RSA key; without it webhooks are not signed
 * @property webhookUrl receives webhooks; without it none are sent
 * @property confirm `manual` (default): payouts wait for session/confirm; `auto`: they settle by themselves
 * @property settleMs duration of each step of a session, default 500
 * @property seed determines faults and ids, default 1
 * @property retryGapMs time to the second attempt of a webhook, default 1000; later gaps grow to 900 times it, for 1800 times
 * @property balance what each project has for payouts; without it there is money without end
 * @property underfunded `hold` (default): a payout beyond the balance stays in progress; `refuse`: its init call is refused
 * @property reportMetadata how many characters of the metadata the daily report prints, or `whole` (default)
 * @property idempotencyHeader default `X-PARTNER-IDEMPOTENCY-KEY`
 * @property callsKept number of calls that `/_sandbox/calls` keeps, default 250,000; `Infinity`: all
 * @property log receives lines about webhooks and internal errors
 */
export interface SandboxOptions {
  readonly port: number;
  readonly publicKeyPem?: string | undefined;
  readonly privateKeyPem?: string | undefined;
  readonly webhookUrl?: string | undefined;
  readonly confirm?: 'auto' | 'manual' | undefined;
  readonly settleMs?: number | undefined;
  readonly seed?: number | undefined;
  readonly faults?: FaultRates | undefined;
  readonly retryGapMs?: number | undefined;
  readonly balance?: Amounts | undefined;
  readonly underfunded?: UnderfundedPolicy | undefined;
  readonly reportMetadata?: 'whole' | number | undefined;
  readonly idempotencyHeader?: string | undefined;
  readonly callsKept?: number | undefined;
  readonly clock?: Clock | undefined;
  readonly log?: ((message: string) => void) | undefined;
}

/**
 * @property settle books the money that is due by then; called before anything else happens
 * @property close drops webhooks
 */
export interface Gateway {
  readonly clock: Clock;
  readonly methods: ReadonlyMap<string, Method>;
  readonly api: Api;
  readonly admin: Admin;
  readonly callLog: CallLog;
  settle(nowMs: number): void;
  witness(): Generator<WitnessLine>;
  close(): void;
}

export const adminPrefix = '/_sandbox/';
const silent: Webhooks = { sends: false, changed() {}, whenFirstSent: () => Promise.resolve(), close() {} };

/**
 * @param url of the server, asked when it listens
 * @throws Error for a key or webhook address that cannot be used
 */
export function createGateway(options: SandboxOptions, url: () => string): Gateway {
  const { confirm = 'manual', settleMs = 500, seed = 1, clock = systemClock, log = () => {} } = options;
  // Everything reads the rates at the moment of use, so they can be changed while the sandbox runs.
  const rates: Partial<Record<Fault, number>> = { ...options.faults };
  const echoes = createEchoStore();
  const sessions = createSessions(echoes);
  const callLog = createCallLog(options.callsKept ?? 250_000);
  const random = createSeededRandom(seed);
  const view: View = { echoes, settleMs, actUrl: () => `${url()}${adminPrefix}act` };
  const webhooks = openWebhooks(options, { clock, settleMs, faults: rates, random, view, log });
  const funds =
    options.balance === undefined
      ? undefined
      : createFunds({ clock, initial: options.balance, policy: options.underfunded ?? 'hold', settleMs, funded: webhooks.changed });
  const methods = createMethods({ sessions, random, faults: rates, confirm, view, funds, listener: webhooks });
  const api = createApi({
    idempotencyHeader: options.idempotencyHeader ?? 'X-PARTNER-IDEMPOTENCY-KEY',
    verify: options.publicKeyPem === undefined ? undefined : createVerifier(options.publicKeyPem),
    maintenance: createMaintenance(rates, random),
    log,
  });

  function* witness(): Generator<WitnessLine> {
    // One time and one length for the whole list, however long its reader takes.
    const nowMs = clock.nowMs();
    funds?.settle(nowMs);
    for (const session of sessions.all.slice()) yield witnessLine(session, settleMs, nowMs);
  }

  const admin = createAdmin({
    clock,
    sessions,
    methods,
    funds,
    report: { sessions: sessions.all, echoes, settleMs, metadata: options.reportMetadata ?? 'whole' },
    faults: { current: rates, set: (more) => void Object.assign(rates, more) },
    payments: witness,
    calls: () => callLog.lines(),
  });

  return {
    clock,
    methods: methods.byName,
    api,
    admin,
    callLog,
    settle: (nowMs) => funds?.settle(nowMs),
    witness,
    close() {
      webhooks.close();
      funds?.close();
    },
  };
}

function openWebhooks(
  { webhookUrl, privateKeyPem, retryGapMs = 1000 }: SandboxOptions,
  { view, ...deps }: Omit<WebhookDeps, 'firstGapMs' | 'delivery' | 'render'> & { readonly view: View },
): Webhooks {
  // A key that cannot be read is reported also when nothing is to be signed.
  const sign = privateKeyPem === undefined ? undefined : createSigner(privateKeyPem);
  if (webhookUrl === undefined) return silent;
  return createWebhooks({
    ...deps,
    firstGapMs: retryGapMs,
    delivery: createDelivery({ url: webhookUrl, sign }),
    render: (session, atMs) => sessionJson(session, view, atMs),
  });
}
