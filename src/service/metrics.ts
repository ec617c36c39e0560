/**
 * What disburse tells Prometheus. Names, units and labels follow its conventions; no label ever carries an id of a
 * record, so the number of series is bounded.
 *
 * Counters and histograms are raised where things happen (`meteredGateway`, `meteredSink`). Gauges are asked for when
 * somebody scrapes, from sources that may be far away: each has a deadline, and one that fails leaves its gauges
 * absent rather than old, and is counted.
 */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { GatewayResponse } from '../../batches/gateway/gateway-response.ts';
import type { Clock } from '../../batches/ports/clock.ts';
import type { Gateway, PreparedCall } from '../../batches/ports/gateway.ts';
import type { LedgerOverview } from '../../batches/ports/ledger.ts';
import type { ResultSink } from '../../batches/ports/result-sink.ts';
import type { ResultEvent } from '../../batches/record/result-event.ts';
import { isPublished, statuses } from '../../batches/record/status.ts';
import type { CircuitBreaker } from '../../batches/pipeline/circuit-breaker.ts';

/** Asked at each scrape. */
type Source<T> = () => T | Promise<T>;

/** Where gauges come from; what a profile has not is left out, and its gauges stay absent. */
export interface MetricSources {
  readonly ledger: Source<LedgerOverview>;
  /** Records behind the end, by partition; partitions of other instances are left out. */
  readonly consumerLag: Source<ReadonlyMap<number, number>>;
  /** Milliseconds since a fetch from Kafka was last answered. */
  readonly consumerFetchAgeMs: Source<number>;
  /** Permits a second as they pass now. */
  readonly dispatchRateLimit: Source<number | 'unlimited'>;
  readonly dispatchRateConfigured: Source<number | 'unlimited'>;
  readonly breaker: Source<BreakerPosition>;
  /** Records between admission and outcome in this instance. */
  readonly inFlight: Source<number>;
  /** Files by state; the states are few and fixed. */
  readonly dropFolder: Source<Readonly<Record<string, number>>>;
}
type SourceName = keyof MetricSources;

export type BreakerPosition = (typeof breakerPositions)[number];
const breakerPositions = ['closed', 'open', 'half_open'] as const;

export const breakerPosition = (breaker: Pick<CircuitBreaker, 'isOpen' | 'openSince'>): BreakerPosition =>
  breaker.isOpen() ? 'open' : breaker.openSince() === null ? 'closed' : 'half_open';

export const gatewayCalls = ['init', 'status', 'confirm', 'cancel', 'balance'] as const;
export type GatewayCall = (typeof gatewayCalls)[number];

/**
 * How a call ended, by what HTTP and the network told; what it means for the record is told by `disburse_outcomes_total`.
 * `not_sent`: surely no byte arrived. `open`: perhaps it arrived.
 */
export const callOutcomes = ['ok', 'refused', 'too_many', 'server_error', 'not_sent', 'open'] as const;
export type CallOutcome = (typeof callOutcomes)[number];

export interface Metrics {
  readonly register: Registry;
  /** Says where gauges come from; may be called as parts of the program come up, the later one stands. */
  feed(sources: Partial<MetricSources>): void;
  gatewayCall(call: GatewayCall, outcome: CallOutcome, durationMs: number | null): void;
  /** A result was published for the world to read. `delayMs`: since it was decided. */
  published(event: Pick<ResultEvent, 'status' | 'kind'>, delayMs: number): void;
  /** The first result of an instruction event, so long after the event's own timestamp. */
  eventToResult(ms: number): void;
  /** The text of `/metrics`. Never waits longer than the deadline of a source. */
  scrape(): Promise<{ readonly contentType: string; readonly text: string }>;
}

/**
 * @property register an own one when left out, so that nothing is shared through the library's global one
 * @property sourceMs the deadline of each source
 * @property processMetrics also `process_*` and `nodejs_*`, under their usual names
 */
export interface MetricsOptions {
  readonly version: string;
  readonly clock: Clock;
  readonly register?: Registry;
  readonly sourceMs?: number;
  readonly processMetrics?: boolean;
}

const published = statuses.filter((status) => isPublished[status]);
const kinds = ['payout', 'payment', 'unknown'] as const;

const callBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const wayBuckets = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600];

export function createMetrics(options: MetricsOptions): Metrics {
  const { version, clock, register = new Registry(), sourceMs = 2_000, processMetrics = true } = options;
  const registers = [register];
  if (processMetrics) collectDefaultMetrics({ register });

  const outcomes = new Counter({
    name: 'disburse_outcomes_total',
    help: 'Result events published, by status of the record (class) and kind.',
    labelNames: ['class', 'kind'] as const,
    registers,
  });
  // A series that is there from the start, so that its first event is a rise that alerts can see.
  for (const status of published) for (const kind of kinds) outcomes.inc({ class: status, kind }, 0);
  const calls = new Counter({
    name: 'disburse_gateway_calls_total',
    help: 'Calls to the gateway by how they ended: ok, refused (4xx), too_many (429), server_error (5xx), not_sent, open (perhaps arrived).',
    labelNames: ['call', 'outcome'] as const,
    registers,
  });
  for (const call of gatewayCalls) for (const outcome of callOutcomes) calls.inc({ call, outcome }, 0);
  const callDuration = new Histogram({
    name: 'disburse_gateway_call_duration_seconds',
    help: 'From the start of the sending to the whole answer read, without waiting for permits.',
    labelNames: ['call'] as const,
    buckets: callBuckets,
    registers,
  });
  const publishDelay = new Histogram({
    name: 'disburse_result_publish_delay_seconds',
    help: 'From the decision of a status to its event being durably published.',
    buckets: wayBuckets,
    registers,
  });
  const eventToResult = new Histogram({
    name: 'disburse_event_to_result_seconds',
    help: 'From the timestamp of an instruction event to its first result.',
    buckets: wayBuckets,
    registers,
  });
  const sourceFailures = new Counter({
    name: 'disburse_metrics_source_failures_total',
    help: 'Sources of gauges that failed or did not answer in time; their gauges are absent then.',
    labelNames: ['source'] as const,
    registers,
  });
  new Gauge({
    name: 'disburse_build_info',
    help: 'Always 1; the version is in the label.',
    labelNames: ['version'] as const,
    registers,
  }).set({ version }, 1);

  // The library gives a gauge without labels a 0 that nobody measured; `reset` would bring it back.
  const plain = new Set<Gauge>();
  const clear = (gauge: Gauge): void => {
    gauge.reset();
    if (plain.has(gauge)) gauge.remove();
  };
  const gauge = <L extends string = never>(name: string, help: string, labelNames: readonly L[] = []): Gauge<L> => {
    const made = new Gauge<L>({ name, help, labelNames, registers });
    if (labelNames.length === 0) plain.add(made);
    clear(made);
    return made;
  };
  const oldestOpen = gauge(
    'disburse_oldest_open_record_age_seconds',
    'Since the oldest record that is not final was admitted; 0 without one.',
  );
  const unpublished = gauge('disburse_unpublished_results', 'Result events that are decided and not surely published.');
  const deadLetters = gauge('disburse_dead_letters', 'Messages put aside because they cannot be read as instructions.');
  const lag = gauge('disburse_consumer_lag_records', 'Instruction events behind the end of the partition.', ['partition']);
  const fetchAge = gauge('disburse_consumer_fetch_age_seconds', 'Since a fetch of instruction events was last answered.');
  const rateLimit = gauge('disburse_dispatch_rate_limit', 'First sends a second that are permitted now; +Inf when unlimited.');
  const rateConfigured = gauge('disburse_dispatch_rate_configured', 'First sends a second as configured; +Inf when unlimited.');
  const breaker = gauge('disburse_breaker_state', '1 for the state of the way to the gateway, 0 for the others.', ['state']);
  const inFlight = gauge('disburse_in_flight_records', 'Records between admission and outcome in this instance.');
  const dropFolder = gauge('disburse_drop_folder_files', 'Files of the drop folder by state.', ['state']);

  const rate = (value: number | 'unlimited'): number => (value === 'unlimited' ? Infinity : value);
  const feeds: { readonly [S in SourceName]: Feed<Awaited<ReturnType<MetricSources[S]>>> } = {
    ledger: {
      gauges: [oldestOpen, unpublished, deadLetters],
      set(overview) {
        const { oldestOpenAt } = overview;
        oldestOpen.set(oldestOpenAt === null ? 0 : Math.max(clock.now() - oldestOpenAt, 0) / 1_000);
        unpublished.set(overview.unpublished);
        deadLetters.set(overview.deadLetters);
      },
    },
    consumerLag: {
      gauges: [lag],
      set(partitions) {
        // Partitions that went to another instance must not stay.
        lag.reset();
        for (const [partition, records] of partitions) lag.set({ partition }, records);
      },
    },
    consumerFetchAgeMs: { gauges: [fetchAge], set: (ms) => fetchAge.set(ms / 1_000) },
    dispatchRateLimit: { gauges: [rateLimit], set: (value) => rateLimit.set(rate(value)) },
    dispatchRateConfigured: { gauges: [rateConfigured], set: (value) => rateConfigured.set(rate(value)) },
    breaker: {
      gauges: [breaker],
      set(position) {
        for (const state of breakerPositions) breaker.set({ state }, state === position ? 1 : 0);
      },
    },
    inFlight: { gauges: [inFlight], set: (records) => inFlight.set(records) },
    dropFolder: {
      gauges: [dropFolder],
      set(files) {
        dropFolder.reset();
        for (const [state, count] of Object.entries(files)) dropFolder.set({ state }, count);
      },
    },
  };

  const sources = new Map<SourceName, () => Promise<void>>();
  const addSource = <S extends SourceName>(name: S, source: MetricSources[S]): void => {
    const { gauges, set } = feeds[name];
    sourceFailures.inc({ source: name }, 0);
    const ask = oncePending(source as () => Awaited<ReturnType<MetricSources[S]>>);
    sources.set(name, async () => {
      try {
        set(await within(ask(), sourceMs));
      } catch {
        sourceFailures.inc({ source: name });
        for (const one of gauges) clear(one);
      }
    });
  };

  let scraping: Promise<string> | undefined;
  const scrapeOnce = async (): Promise<string> => {
    await Promise.all([...sources.values()].map((collect) => collect()));
    return register.metrics();
  };

  return {
    register,
    feed(given) {
      for (const name of Object.keys(given) as SourceName[]) {
        const source = given[name];
        if (source !== undefined) addSource(name, source);
      }
    },
    gatewayCall(call, outcome, durationMs) {
      calls.inc({ call, outcome });
      if (durationMs !== null) callDuration.observe({ call }, Math.max(durationMs, 0) / 1_000);
    },
    published({ status, kind = 'unknown' as const }, delayMs) {
      outcomes.inc({ class: status, kind });
      publishDelay.observe(Math.max(delayMs, 0) / 1_000);
    },
    eventToResult: (ms) => eventToResult.observe(Math.max(ms, 0) / 1_000),
    async scrape() {
      scraping ??= scrapeOnce().finally(() => {
        scraping = undefined;
      });
      return { contentType: register.contentType, text: await scraping };
    },
  };
}

interface Feed<T> {
  readonly gauges: readonly Gauge[];
  readonly set: (value: T) => void;
}

/** While an answer is still awaited nobody asks again, or a store that is away would gather questions. */
function oncePending<T>(source: () => T | Promise<T>): () => Promise<T> {
  let pending: Promise<T> | undefined;
  return () => {
    pending ??= Promise.resolve()
      .then(source)
      .finally(() => {
        pending = undefined;
      });
    return pending;
  };
}

async function within<T>(answer: Promise<T>, ms: number): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`no answer within ${ms} ms`)), ms);
  try {
    return await Promise.race([answer, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function outcomeOf(answer: GatewayResponse): CallOutcome {
  if (answer.type === 'transport') return answer.proof;
  const { httpStatus } = answer;
  if (httpStatus === 429) return 'too_many';
  if (httpStatus >= 500) return 'server_error';
  return httpStatus >= 200 && httpStatus < 300 ? 'ok' : 'refused';
}

/** The same gateway, its calls counted and timed. @param clock one that is never set, such as `monotonicClock` */
export function meteredGateway(gateway: Gateway, metrics: Metrics, clock: Clock): Gateway {
  const metered = async (call: GatewayCall, made: () => Promise<GatewayResponse>): Promise<GatewayResponse> => {
    const start = clock.now();
    const answer = await made();
    metrics.gatewayCall(call, outcomeOf(answer), clock.now() - start);
    return answer;
  };
  const meteredSend = async (call: PreparedCall, mayStart: () => boolean): Promise<GatewayResponse> => {
    let isHeldBack = false;
    const start = clock.now();
    const answer = await call.send({
      mayStart() {
        const may = mayStart();
        isHeldBack = !may;
        return may;
      },
    });
    metrics.gatewayCall('init', outcomeOf(answer), isHeldBack ? null : clock.now() - start);
    return answer;
  };
  return {
    async prepare(request) {
      const call = await gateway.prepare(request);
      return { send: ({ mayStart }) => meteredSend(call, mayStart) };
    },
    status: (sessionId) => metered('status', () => gateway.status(sessionId)),
    confirm: (sessionId) => metered('confirm', () => gateway.confirm(sessionId)),
    cancel: (sessionId) => metered('cancel', () => gateway.cancel(sessionId)),
    balance: () => metered('balance', () => gateway.balance()),
    close: () => gateway.close(),
  };
}

/**
 * The same sink, what it published counted by status and kind. After a crash an event may be published, and counted,
 * again; readers of results tell it by its id, a counter cannot.
 *
 * @param clock the one that `occurred_at` comes from
 */
export function meteredSink(sink: ResultSink, metrics: Metrics, clock: Clock): ResultSink {
  return {
    async publish(entries) {
      const published = await sink.publish(entries);
      const now = clock.now();
      for (const { json } of entries) {
        const event = JSON.parse(json) as ResultEvent;
        metrics.published(event, now - Date.parse(event.occurred_at));
      }
      return published;
    },
    close: () => sink.close(),
  };
}
