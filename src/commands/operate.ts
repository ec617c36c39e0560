/** Commands by which a person decides about records and batches. */
import { maskQuoted } from '../../batches/instruction/masks.ts';
import type { OperationAnswer, OperationRequest } from '../../batches/operations/request.ts';
import type { Config } from '../config/config.ts';
import { CommandError, exitCodes, type ExitCode } from '../exit.ts';
import { openLedgerReader, operateProfile } from '../profiles/open-profile.ts';
import { printable } from '../terminal/format.ts';
import { columnsOf, wrapText } from '../terminal/width.ts';
import { chooseBatch } from '../views/find-batch.ts';
import { chooseRecords, choiceOf, type RecordChoice } from './choose-records.ts';
import { personOf } from './person.ts';
import { withShutdown } from './with-shutdown.ts';

export interface PersonOptions {
  readonly reason?: string;
  readonly by?: string;
  readonly json: boolean;
}

/** Masked: a person may paste an account, and it is kept. @throws {CommandError} exit 1 without a reason */
export function reasonOf({ reason }: PersonOptions): string {
  if (reason !== undefined && reason.trim() !== '') return maskQuoted(reason.trim());
  throw new CommandError(exitCodes.usage, '--reason TEXT is missing: it is kept in the audit trail.');
}

/** The whole id of a batch as a person names it. @throws {CommandError} see `chooseBatch` */
export async function batchIdOf(config: Config, named: string): Promise<string> {
  const { ledger, close } = await openLedgerReader(config, warn);
  try {
    return (await chooseBatch(ledger, named)).batchId;
  } finally {
    await close();
  }
}

const warn = (message: string): void => void process.stderr.write(`disburse: ${message}\n`);

/** Asks for each in turn, prints what was done, and returns exit code 2 if one was not. */
export async function operateAll(config: Config, requests: readonly OperationRequest[], json: boolean): Promise<ExitCode> {
  const answers: OperationAnswer[] = [];
  for (const request of requests) answers.push(await operateOne(config, request));
  if (json) process.stdout.write(`${JSON.stringify(asData(answers))}\n`);
  for (const { outcome, text } of answers) {
    const isDone = outcome === 'done' || outcome === 'unchanged';
    if (!isDone) process.stderr.write(`${wrapText(`disburse: ${printable(text)}`, columnsOf(process.stderr))}\n`);
    else if (!json) process.stdout.write(`${printable(text)}\n`);
  }
  return answers.every(({ outcome }) => outcome === 'done' || outcome === 'unchanged') ? exitCodes.ok : exitCodes.needsAttention;
}

const dataOf = ({ outcome, text, data }: OperationAnswer) => ({ outcome, text, ...data });

function asData(answers: readonly OperationAnswer[]): unknown {
  const [only] = answers;
  return answers.length === 1 && only !== undefined ? dataOf(only) : { records: answers.map(dataOf) };
}

const operateOne = (config: Config, request: OperationRequest): Promise<OperationAnswer> =>
  withShutdown(config, (params) => operateProfile(params, request));

export interface ResolveOptions extends PersonOptions, RecordChoice {
  readonly as?: 'succeeded' | 'failed' | 'cancelled';
  readonly evidence?: string;
}

/** @param ids of records; without one the filters choose them */
export async function resolve(config: Config, ids: readonly string[], options: ResolveOptions): Promise<ExitCode> {
  const { as, evidence = '', status, batch, currency, code, olderThan, expect } = options;
  if (as === undefined) throw new CommandError(exitCodes.usage, '--as is missing: succeeded, failed or cancelled.');
  if (evidence.trim() === '')
    throw new CommandError(exitCodes.usage, '--evidence TEXT is missing: say what shows it, such as the number of a bank statement.');
  const person = { by: personOf(options), reason: reasonOf(options) };
  const choice = choiceOf({ status, batch, currency, code, olderThan, expect });
  const recordIds = await chooseRecords(config, ids, { decision: 'resolve', choice });
  const requests = recordIds.map((recordId): OperationRequest => ({
    type: 'resolve',
    recordId,
    as,
    evidence: maskQuoted(evidence.trim()),
    ...person,
  }));
  return operateAll(config, requests, options.json);
}

export interface CancelOptions extends PersonOptions {
  readonly record?: string;
}

export async function cancel(config: Config, named: string | undefined, options: CancelOptions): Promise<ExitCode> {
  const { record, json } = options;
  const person = { by: personOf(options), reason: reasonOf(options) };
  if ((named === undefined) === (record === undefined))
    throw new CommandError(exitCodes.usage, 'name one: a batch, or a record with --record RECORD.');
  const request: OperationRequest =
    named === undefined
      ? { type: 'cancel_record', recordId: record ?? '', ...person }
      : { type: 'cancel', batchId: await batchIdOf(config, named), ...person };
  return operateAll(config, [request], json);
}

export interface PauseOptions extends PersonOptions {
  readonly all: boolean;
}

export async function pauseOrResume(
  config: Config,
  type: 'pause' | 'resume',
  named: string | undefined,
  options: PauseOptions,
): Promise<ExitCode> {
  const { all, json, reason = '' } = options;
  if ((named === undefined) !== all) throw new CommandError(exitCodes.usage, 'name one: a batch, or everything with --all.');
  const batchId = named === undefined ? null : await batchIdOf(config, named);
  return operateAll(config, [{ type, batchId, by: personOf(options), reason: maskQuoted(reason.trim()) }], json);
}

export async function capture(config: Config, recordId: string, options: PersonOptions): Promise<ExitCode> {
  return operateAll(
    config,
    [{ type: 'capture', recordId, by: personOf(options), reason: maskQuoted(options.reason?.trim() ?? '') }],
    options.json,
  );
}
