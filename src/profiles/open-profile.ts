/** Opens the profile that the configuration asks for. Which one it is, is asked here and nowhere else. */
import type { AlertEvent } from '../../batches/record/alert-event.ts';
import type { OperationAnswer, OperationRequest } from '../../batches/operations/request.ts';
import type { ResultEvent } from '../../batches/record/result-event.ts';
import type { Config } from '../config/config.ts';
import { openTracing } from '../tracing/open-tracing.ts';
import type { MovedSummary } from '../ledger/sealed-chunks.ts';
import type { Imported } from './move-ledger.ts';
import type {
  Desk,
  EventReading,
  LedgerReader,
  MoveParams,
  OperateParams,
  PreparedProfile,
  ProfileModule,
  ProfileParams,
} from './profile.ts';

const moduleOf = async (config: Config): Promise<ProfileModule> =>
  config.servers === null ? (await import('./standalone/module.ts')).standalone : (await import('./distributed/module.ts')).distributed;

/** @throws {CommandError} exit 1 for options that the profile does not have, and for a signing key that cannot be used */
export async function prepareProfile(params: ProfileParams): Promise<PreparedProfile> {
  const tracing = await openTracing(params.config.settings, (message) => params.logger.warn(message));
  const module = await moduleOf(params.config);
  if (tracing === null) return module.prepare(params);
  const prepared = await module.prepare({ ...params, tracer: tracing.tracer });
  return {
    async open() {
      const profile = await prepared.open();
      return { ...profile, close: () => profile.close().finally(() => tracing.close()) };
    },
  };
}

/** @throws LedgerMissingError */
export const openLedgerReader = async (config: Config, onWarning: (message: string) => void): Promise<LedgerReader> =>
  (await moduleOf(config)).openReader(config, onWarning);

/** @throws {CommandError} exit 1 or 3 with one sentence: nothing is changed */
export const operateProfile = async (params: OperateParams, request: OperationRequest): Promise<OperationAnswer> =>
  (await moduleOf(params.config)).operate(params, request);

/** @throws {CommandError} as `operateProfile` */
export const openDesk = async (params: OperateParams, changes: boolean): Promise<Desk> =>
  (await moduleOf(params.config)).openDesk(params, changes);

/** Result events: of the results file in its order, or of the results topic in the order of each partition. */
export async function* readEvents(config: Config, reading: EventReading): AsyncGenerator<ResultEvent, void, undefined> {
  yield* (await moduleOf(config)).readEvents(config, reading);
}

/** Alerts: of the alerts file in its order, or of the alerts topic in the order of each partition. */
export async function* readAlerts(config: Config, reading: EventReading): AsyncGenerator<AlertEvent, void, undefined> {
  yield* (await moduleOf(config)).readAlerts(config, reading);
}

/** @throws {CommandError} exit 1 or 3 with one sentence: the ledger is as it was, or moved, and can be exported again */
export const exportProfileLedger = async (params: MoveParams): Promise<MovedSummary> =>
  (await moduleOf(params.config)).exportLedger(params);

/** @throws {CommandError} exit 1 or 3 with one sentence: nothing is paid from what is there */
export const importProfileLedger = async (params: MoveParams): Promise<Imported> => (await moduleOf(params.config)).importLedger(params);
