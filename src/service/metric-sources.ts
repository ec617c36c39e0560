/** Where gauges come from, and what a source is written to. */
import type { Gauge } from 'prom-client';
import type { LedgerOverview } from '../../batches/ports/ledger.ts';
import type { AlertKind } from '../../batches/record/alert.ts';
import type { ParkingCode } from '../../batches/record/parking.ts';
import type { SetPause } from '../../batches/record/pause.ts';

/** Asked at each scrape. */
type Source<T> = () => T | Promise<T>;

/** Where gauges come from; what a profile has not is left out, and its gauges stay absent. */
export interface MetricSources {
  readonly ledger: Source<LedgerOverview>;
  readonly pauses: Source<readonly SetPause[]>;
  /** Records that are queued and wait, by their reason. */
  readonly parked: Source<ReadonlyMap<ParkingCode, number>>;
  /** Records with an alert that no person has acknowledged, by alert. */
  readonly unacknowledged: Source<ReadonlyMap<AlertKind, number>>;
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
export type SourceName = keyof MetricSources;

export type BreakerPosition = (typeof breakerPositions)[number];
export const breakerPositions = ['closed', 'open', 'half_open'] as const;

export interface Feed<T> {
  readonly gauges: readonly Gauge[];
  readonly set: (value: T) => void;
}

export type MakeGauge = <L extends string = never>(name: string, help: string, labelNames?: readonly L[]) => Gauge<L>;
export type Feeds = { readonly [S in SourceName]: Feed<Awaited<ReturnType<MetricSources[S]>>> };
