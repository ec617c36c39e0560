/** Where each source of gauges is written to. */
import { Gauge, type Registry } from 'prom-client';
import type { Clock } from '../../batches/ports/clock.ts';
import type { CircuitBreaker } from '../../batches/pipeline/circuit-breaker.ts';
import { openStatuses } from '../../batches/record/status.ts';
import { byStatus } from '../../batches/record/tally.ts';
import { breakerPositions, type BreakerPosition, type Feeds, type MakeGauge } from './metric-sources.ts';
import { operatorFeeds } from './operator-feeds.ts';

export const breakerPosition = (breaker: Pick<CircuitBreaker, 'isOpen' | 'openSince'>): BreakerPosition =>
  breaker.isOpen() ? 'open' : breaker.openSince() === null ? 'closed' : 'half_open';

/** Gauges that are absent until they are measured. */
export function createGauges(registers: Registry[]) {
  // The library gives a gauge without labels a 0 that was never measured; `reset` would bring it back.
  const plain = new Set<Gauge>();
  const clear = (gauge: Gauge): void => {
    gauge.reset();
    if (plain.has(gauge)) gauge.remove();
  };
  const gauge: MakeGauge = <L extends string = never>(name: string, help: string, labelNames: readonly L[] = []): Gauge<L> => {
    const made = new Gauge<L>({ name, help, labelNames, registers });
    if (labelNames.length === 0) plain.add(made);
    clear(made);
    return made;
  };
  return { gauge, clear };
}

const toRate = (value: number | 'unlimited'): number => (value === 'unlimited' ? Infinity : value);

function ledgerFeed(gauge: MakeGauge, clock: Pick<Clock, 'now'>): Feeds['ledger'] {
  const open = gauge('disburse_open_records', 'Records that are not final now, by status.', ['status']);
  const openAmount = gauge('disburse_open_amount', 'Money of the records that are not final now, in major units.', ['status', 'currency']);
  const oldestOpen = gauge(
    'disburse_oldest_open_record_age_seconds',
    'Time since the oldest record in this status was admitted (distributed: entered it); 0 if there is none.',
    ['status'],
  );
  const balanced = gauge('disburse_balanced', '1 while each batch with open records balances in count and amount, else 0.');
  const unpublished = gauge('disburse_unpublished_results', 'Result events that are decided but not yet confirmed as published.');
  const deadLetters = gauge('disburse_dead_letters', 'Messages in the dead letters, because they cannot be read as instructions.');
  return {
    gauges: [open, openAmount, oldestOpen, balanced, unpublished, deadLetters],
    set(overview) {
      const counts = byStatus(overview.open);
      // A currency that is open no more must not stay.
      openAmount.reset();
      for (const status of openStatuses) {
        open.set({ status }, counts[status].count);
        for (const [currency, amount] of Object.entries(counts[status].amounts)) openAmount.set({ status, currency }, Number(amount));
        const since = overview.oldestOpenAt[status];
        oldestOpen.set({ status }, since === null ? 0 : Math.max(clock.now() - since, 0) / 1_000);
      }
      balanced.set(overview.isBalanced ? 1 : 0);
      unpublished.set(overview.unpublished);
      deadLetters.set(overview.deadLetters);
    },
  };
}

/** Every gauge, by the source that it comes from. */
export function createFeeds(gauge: MakeGauge, clock: Pick<Clock, 'now'>): Feeds {
  const lag = gauge('disburse_consumer_lag_records', 'Instruction events behind the end of the partition.', ['partition']);
  const fetchAge = gauge('disburse_consumer_fetch_age_seconds', 'Time since a fetch of instruction events was last answered.');
  const rateLimit = gauge('disburse_dispatch_rate_limit', 'First sends per second permitted now; +Inf when unlimited.');
  const rateConfigured = gauge('disburse_dispatch_rate_configured', 'First sends per second as configured; +Inf when unlimited.');
  const breaker = gauge('disburse_breaker_state', '1 for the state of the gateway connection, 0 for the others.', ['state']);
  const inFlight = gauge('disburse_in_flight_records', 'Records between admission and outcome in this instance.');
  const dropFolder = gauge('disburse_drop_folder_files', 'Files of the drop folder by state.', ['state']);
  return {
    ledger: ledgerFeed(gauge, clock),
    ...operatorFeeds(gauge),
    consumerLag: {
      gauges: [lag],
      set(partitions) {
        // Partitions that went to another instance must not stay.
        lag.reset();
        for (const [partition, records] of partitions) lag.set({ partition }, records);
      },
    },
    consumerFetchAgeMs: { gauges: [fetchAge], set: (ms) => fetchAge.set(ms / 1_000) },
    dispatchRateLimit: { gauges: [rateLimit], set: (value) => rateLimit.set(toRate(value)) },
    dispatchRateConfigured: { gauges: [rateConfigured], set: (value) => rateConfigured.set(toRate(value)) },
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
}
