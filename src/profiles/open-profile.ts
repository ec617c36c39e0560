/** Opens the profile that the configuration asks for. Which one it is, is asked here and nowhere else. */
import type { AlertEvent } from '../../batches/record/alert-event.ts';
import type { OperationAnswer, OperationRequest } from '../../batches/operations/request.ts';
import type { ResultEvent } from '../../batches/record/result-event.ts';
import type { Config } from '../config/config.ts';
import type { Desk, EventReading, LedgerReader, OperateParams, PreparedProfile, ProfileModule, ProfileParams } from './profile.ts';

const moduleOf = async (config: Config): Promise<ProfileModule> =>
  config.servers === null ? (await import('./standalone/module.ts')).standalone : (await import('./distributed/module.ts')).distributed;

/** @throws {CommandError} exit 1 for options that the profile does not have, and for a signing key that cannot be used */
export const prepareProfile = async (params: ProfileParams): Promise<PreparedProfile> => (await moduleOf(params.config)).prepare(params);

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
