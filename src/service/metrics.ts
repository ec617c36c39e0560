/**
 * The metrics that Prometheus scrapes. Names, units and labels follow its conventions; no label ever carries an id of a
 * record, so the number of series is bounded.
 *
 * Counters and histograms are raised where things happen (`meteredGateway`, `meteredSink`). Gauges are read at each
 * scrape, from sources that may be far away: each has a deadline, and one that fails leaves its gauges
 * absent rather than old, and is counted.
 */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Clock } from '../../batches/ports/clock.ts';
import type { OperationType } from '../../batches/operations/request.ts';
import { alertKinds, type AlertKind } from '../../batches/record/alert.ts';
import type { ResultEvent } from '../../batches/record/result-event.ts';
import { isPublished, statuses } from '../../batches/record/status.ts';
import { webhookLabels, webhookOutcomes, type WebhookLabel, type WebhookOutcome } from '../../consumers/webhook/webhook-receiver.ts';
import { createOperatorCounters, type CommandOutcome, type EndEvidence } from './operator-counters.ts';
import { createFeeds, createGauges } from './metric-feeds.ts';
import type { Feeds, MetricSources, SourceName } from './metric-sources.ts';

export const gatewayCalls = ['init', 'status', 'confirm', 'cancel', 'capture', 'balance'] as const;
export type GatewayCall = (typeof gatewayCalls)[number];

/**
 * How a call ended, by what HTTP and the network told; what it means for the record is counted by `disburse_outcomes_total`.
 * `not_sent`: no byte arrived. `open`: it may have arrived.
 */
export const callOutcomes = ['ok', 'refused', 'too_many', 'server_error', 'not_sent', 'open'] as const;
export type CallOutcome = (typeof callOutcomes)[number];

export interface Metrics {
  readonly register: Registry;
  /** Says where gauges come from; may be called as parts of the program start, the later call wins. */
  feed(sources: Partial<MetricSources>): void;
  gatewayCall(call: GatewayCall, outcome: CallOutcome, durationMs: number | null): void;
  /** A result was published for the world to read. `delayMs`: since it was decided. */
  published(event: Pick<ResultEvent, 'status' | 'kind'>, delayMs: number): void;
  /** Something contradicts, and a person must look; once for each record and fact. */
  alert(kind: AlertKind): void;
  /** A webhook was answered. */
  webhook(type: WebhookLabel, outcome: WebhookOutcome): void;
  /** An operator's command was carried out by this process. */
  command(type: OperationType, outcome: CommandOutcome): void;
  /** A record became final. */
  ended(evidence: EndEvidence): void;
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
const delayBuckets = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600];

export function createMetrics(options: MetricsOptions): Metrics {
  const { version, clock, register = new Registry(), sourceMs = 2_000, processMetrics = true } = options;
  const registers = [register];
  if (processMetrics) collectDefaultMetrics({ register });
  const counters = createCounters(registers);
  const { commands, ended } = createOperatorCounters(registers);
  new Gauge({
    name: 'disburse_build_info',
    help: 'Always 1; the version is in the label.',
    labelNames: ['version'] as const,
    registers,
  }).set({ version }, 1);
  const { gauge, clear } = createGauges(registers);
  const sources = createSources({ feeds: createFeeds(gauge, clock), clear, failures: counters.sourceFailures, sourceMs });

  let scraping: Promise<string> | undefined;
  const scrapeOnce = async (): Promise<string> => {
    await sources.ask();
    return register.metrics();
  };
  return {
    register,
    feed: sources.add,
    gatewayCall(call, outcome, durationMs) {
      counters.calls.inc({ call, outcome });
      if (durationMs !== null) counters.callDuration.observe({ call }, Math.max(durationMs, 0) / 1_000);
    },
    published({ status, kind = 'unknown' as const }, delayMs) {
      counters.outcomes.inc({ class: status, kind });
      counters.publishDelay.observe(Math.max(delayMs, 0) / 1_000);
    },
    alert: (kind) => counters.alerts.inc({ alert: kind }),
    webhook: (type, outcome) => counters.webhooks.inc({ type, outcome }),
    command: (type, outcome) => commands.inc({ type, outcome }),
    ended: (evidence) => ended.inc({ evidence }),
    eventToResult: (ms) => counters.eventToResult.observe(Math.max(ms, 0) / 1_000),
    async scrape() {
      scraping ??= scrapeOnce().finally(() => {
        scraping = undefined;
      });
      return { contentType: register.contentType, text: await scraping };
    },
  };
}

/** Counters and histograms. A series is there from the start, so that its first event is a rise that alerts can see. */
function createCounters(registers: Registry[]) {
  const outcomes = new Counter({
    name: 'disburse_outcomes_total',
    help: 'Result events published, by status of the record (class) and kind.',
    labelNames: ['class', 'kind'] as const,
    registers,
  });
  for (const status of published) for (const kind of kinds) outcomes.inc({ class: status, kind }, 0);
  const calls = new Counter({
    name: 'disburse_gateway_calls_total',
    help: 'Calls to the gateway by outcome: ok, refused (4xx), too_many (429), server_error (5xx), not_sent, open (may have arrived).',
    labelNames: ['call', 'outcome'] as const,
    registers,
  });
  for (const call of gatewayCalls) for (const outcome of callOutcomes) calls.inc({ call, outcome }, 0);
  const callDuration = new Histogram({
    name: 'disburse_gateway_call_duration_seconds',
    help: 'Time from the start of sending until the whole answer is read, without waiting for permits.',
    labelNames: ['call'] as const,
    buckets: callBuckets,
    registers,
  });
  const publishDelay = new Histogram({
    name: 'disburse_result_publish_delay_seconds',
    help: 'Time from the decision of a status until its event is durably published.',
    buckets: delayBuckets,
    registers,
  });
  const eventToResult = new Histogram({
    name: 'disburse_event_to_result_seconds',
    help: 'Time from the timestamp of an instruction event to its first result.',
    buckets: delayBuckets,
    registers,
  });
  const alerts = new Counter({
    name: 'disburse_alerts_total',
    help: 'What contradicts and a person must look at, once for each record and fact.',
    labelNames: ['alert'] as const,
    registers,
  });
  for (const alert of alertKinds) alerts.inc({ alert }, 0);
  const sourceFailures = new Counter({
    name: 'disburse_metrics_source_failures_total',
    help: 'Sources of gauges that failed or did not answer in time; their gauges are then absent.',
    labelNames: ['source'] as const,
    registers,
  });
  return { outcomes, calls, callDuration, publishDelay, eventToResult, alerts, sourceFailures, webhooks: createWebhookCounter(registers) };
}

function createWebhookCounter(registers: Registry[]) {
  const webhooks = new Counter({
    name: 'disburse_webhooks_total',
    help: 'Webhooks of the gateway, by type and by what became of them.',
    labelNames: ['type', 'outcome'] as const,
    registers,
  });
  for (const type of webhookLabels) for (const outcome of outcomesOf(type)) webhooks.inc({ type, outcome }, 0);
  return webhooks;
}

const unread: readonly WebhookOutcome[] = ['bad_signature', 'too_large'];

/** A webhook has a type only when its signature was right. */
const outcomesOf = (type: WebhookLabel): readonly WebhookOutcome[] =>
  type === 'unverified' ? [...unread, 'unavailable'] : webhookOutcomes.filter((outcome) => !unread.includes(outcome));

interface SourceParams {
  readonly feeds: Feeds;
  readonly clear: (gauge: Gauge) => void;
  readonly failures: Counter<'source'>;
  /** The deadline of each source. */
  readonly sourceMs: number;
}

/** Asks each source; one that fails leaves its gauges absent rather than old, and is counted. */
function createSources({ feeds, clear, failures, sourceMs }: SourceParams) {
  const sources = new Map<SourceName, () => Promise<void>>();
  const addOne = <S extends SourceName>(name: S, source: MetricSources[S]): void => {
    const { gauges, set } = feeds[name];
    failures.inc({ source: name }, 0);
    const ask = oncePending(source as () => Awaited<ReturnType<MetricSources[S]>>);
    sources.set(name, async () => {
      try {
        set(await within(ask(), sourceMs));
      } catch {
        failures.inc({ source: name });
        for (const one of gauges) clear(one);
      }
    });
  };
  return {
    add(given: Partial<MetricSources>): void {
      for (const name of Object.keys(given) as SourceName[]) {
        const source = given[name];
        if (source !== undefined) addOne(name, source);
      }
    },
    ask: () => Promise.all([...sources.values()].map((collect) => collect())),
  };
}

/** While an answer is pending the source is not asked again, or a store that is away would gather questions. */
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
