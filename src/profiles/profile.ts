/** What a command has of a profile. Stand-alone and distributed are two implementations of this one interface. */
import type { AuditChain } from '../../batches/audit/hash-chain.ts';
import type { OperationAnswer, OperationRequest } from '../../batches/operations/request.ts';
import type { Verifier } from '../../batches/gateway/signature.ts';
import type { Clock } from '../../batches/ports/clock.ts';
import type { Ledger } from '../../batches/ports/ledger.ts';
import type { Tracer } from '../../batches/ports/tracer.ts';
import type { SettlementEnd } from '../../batches/pipeline/batch-settlement.ts';
import type { Worker } from '../../batches/pipeline/worker.ts';
import type { Batch } from '../../batches/record/batch.ts';
import type { Alert } from '../../batches/record/alert.ts';
import type { AlertEvent } from '../../batches/record/alert-event.ts';
import type { Reason } from '../../batches/record/record.ts';
import type { ResultEvent } from '../../batches/record/result-event.ts';
import type { WebhookReceiver } from '../../consumers/webhook/webhook-receiver.ts';
import type { Config } from '../config/config.ts';
import type { Inspection } from '../files/payout-file.ts';
import type { LedgerReads, ReadLedger } from '../ledger/looks.ts';
import type { MovedSummary } from '../ledger/sealed-chunks.ts';
import type { Logger } from '../logger.ts';
import type { Imported } from './move-ledger.ts';
import type { Check } from '../service/http/routes.ts';
import type { Metrics } from '../service/metrics.ts';
import type { MetricSources } from '../service/metric-sources.ts';
import type { Shutdown } from '../service/shutdown.ts';

/**
 * @property role `run` pays one file and ends; `serve` works until it is stopped; `operate` carries out commands and sends nothing
 * @property patienceMs how long the gateway, or the instances that consume instructions, may do nothing before the
 *   process stops; null: without end
 * @property detach ends when the file is enqueued; only where other instances pay
 */
export interface ProfileParams {
  readonly config: Config;
  readonly stopping: Shutdown;
  readonly logger: Logger;
  readonly role: 'run' | 'serve' | 'operate';
  readonly patienceMs: number | null;
  readonly detach: boolean;
  /** Payments that wait for their capture; as GATEWAY_CONFIRM says where it is left out. */
  readonly capture?: 'auto' | 'manual';
  readonly newLedger: boolean;
  readonly allowUnsafeRedis: boolean;
  /** Of webhooks; null: none are taken. */
  readonly verifier: Verifier | null;
  /** Counts what goes out, where it is counted. */
  readonly metrics?: Metrics;
  /** Spans of what happens to instructions; none where it is left out. */
  readonly tracer?: Tracer;
}

export interface SubmitRequest {
  readonly batch: Batch;
  readonly inspection: Inspection;
  /** How long to follow after the last row was sent. */
  readonly waitMs: number;
  /** False: ends when every row was sent. */
  readonly follow: boolean;
  /** The file alone ends when it cannot be read any more, or with the signal; else the whole process stops. */
  readonly isOneOfMany?: boolean;
  readonly signal: AbortSignal;
}

export interface Profile {
  readonly ledger: Ledger;
  readonly clock: Clock;
  /**
   * Pays the file here, or enqueues it for other instances, and waits until the batch has settled; its state is in the
   * ledger then. The workers must be running. Rejects when something that it needs failed.
   */
  submit(request: SubmitRequest): Promise<SettlementEnd | 'enqueued'>;
  /** Batch ids of files with records that no process may be moving, for a person; none where other instances pay. */
  unfinishedFiles(): Promise<readonly string[]>;
  /** Ends what is not sent of the batch; its record ids are free again. @returns how many records */
  cancelQueued(batchId: string, reason: Reason): Promise<number>;
  /** Carries out what an operator asks for; resolves when it is durable and published. */
  operate(request: OperationRequest): Promise<OperationAnswer>;
  /** Resolves when the alert is durable. */
  alert(alert: Alert): Promise<void>;
  /** Any unusual state of processing, as a clause for people. */
  note(): string | null;
  /** Result events since then, in milliseconds since the epoch; perhaps earlier ones too. */
  results(since: number): AsyncIterable<ResultEvent>;
  /** Takes webhooks; null without a verifier. One of the workers. */
  readonly webhooks: WebhookReceiver | null;
  /** What must repeat while files are submitted. */
  workers(): readonly Worker[];
  /** What `/readyz` asks, by name. */
  checks(): Readonly<Record<string, Check>>;
  metricSources(): Partial<MetricSources>;
  /** Publishes what is decided. Rejects when something could not be written; the ledger can still be asked. */
  finish(): Promise<void>;
  /** What can wait until everything is reported. Never rejects. */
  runMaintenance(rows: number): Promise<void>;
  /** Releases everything. Idempotent. */
  close(): Promise<void>;
}

/** What is needed before a file is read was found to be right, such as the signing key. */
export interface PreparedProfile {
  /** @throws {CommandError} exit 1 or 3 with one sentence: what this process may not pay from, or cannot reach */
  open(): Promise<Profile>;
}

/**
 * @property follow continue with new events until the signal is aborted
 * @property from a number: milliseconds since the epoch; a reader may return earlier events too
 * @property onSkipped called for what is no event that this version reads
 * @property onCaughtUp called once with `follow`, when what there was at the start is read
 * @property withRotated also from results files that were moved away and are still beside the results file
 */
export interface EventReading {
  readonly follow: boolean;
  readonly from: 'beginning' | 'now' | number;
  readonly signal: AbortSignal;
  readonly onWarning: (message: string) => void;
  readonly onSkipped: (message: string) => void;
  readonly onCaughtUp?: () => void;
  readonly withRotated?: boolean;
}

/** The ledger for commands that only read: without its key and lock, also while other processes pay. */
export interface LedgerReader {
  readonly ledger: ReadLedger;
  /**
   * Recognises what this ledger's audit trails hold.
   *
   * @throws LedgerKeyError | CommandError without the key of this ledger
   */
  auditChain(): Promise<AuditChain>;
  close(): Promise<void>;
}

/** The ledger for one command that reads it and asks for many changes. */
export interface Desk {
  readonly ledger: LedgerReads & Pick<Ledger, 'recordOfSession'>;
  /** As `operate` of the module. */
  ask(request: OperationRequest): Promise<OperationAnswer>;
  close(): Promise<void>;
}

export type OperateParams = Pick<ProfileParams, 'config' | 'stopping' | 'logger'>;

/** @property by the person who imports */
export interface MoveParams extends Pick<ProfileParams, 'config' | 'stopping' | 'logger' | 'newLedger' | 'allowUnsafeRedis'> {
  readonly path: string;
  readonly by: string;
}

/** What each of the two implementations offers. */
export interface ProfileModule {
  prepare(params: ProfileParams): Promise<PreparedProfile>;
  openReader(config: Config, onWarning: (message: string) => void): Promise<LedgerReader>;
  /**
   * Carries out what an operator asks for, in this process or in the one that holds the ledger.
   *
   * @throws {CommandError} exit 1 or 3 with one sentence: nothing is changed
   */
  operate(params: OperateParams, request: OperationRequest): Promise<OperationAnswer>;
  /** @param changes false: nothing is asked for, and the ledger is not taken */
  openDesk(params: OperateParams, changes: boolean): Promise<Desk>;
  /** Writes the ledger into a file, and moves it away: it is never paid from again. */
  exportLedger(params: MoveParams): Promise<MovedSummary>;
  /** Makes a ledger of such a file; everything in it is paused. */
  importLedger(params: MoveParams): Promise<Imported>;
  readEvents(config: Config, reading: EventReading): AsyncIterable<ResultEvent>;
  readAlerts(config: Config, reading: EventReading): AsyncIterable<AlertEvent>;
}
