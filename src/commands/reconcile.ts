/** Compares the gateway's daily payouts report with the ledger, and ends what is open and proven by it. */
import { basename } from 'node:path';
import type { OperationAnswer } from '../../batches/operations/request.ts';
import { reconcile as compare, type EndResult, type ReconcileDependencies } from '../../batches/reconciliation/reconcile.ts';
import { differs, type ReconciliationAnswer } from '../../batches/reconciliation/reconciliation-answer.ts';
import type { ReportLine, ReportRow } from '../../batches/reconciliation/report-row.ts';
import type { LedgerRecord } from '../../batches/record/record.ts';
import { createKeyDerivation } from '../../batches/record/idempotency-key.ts';
import { StructuralError } from '../../consumers/csv/structural-error.ts';
import { openReport } from '../../consumers/gateway-report/read-report.ts';
import type { Config } from '../config/config.ts';
import { CommandError, exitCodes, type ExitCode } from '../exit.ts';
import { openDesk } from '../profiles/open-profile.ts';
import type { Desk, OperateParams } from '../profiles/profile.ts';
import { paintFor, printable } from '../terminal/format.ts';
import { reconciliationText } from '../terminal/reconciliation-text.ts';
import { columnsOf } from '../terminal/width.ts';
import { withShutdown } from './with-shutdown.ts';

export interface ReconcileOptions {
  readonly dryRun: boolean;
  readonly json: boolean;
}

export async function reconcile(config: Config, path: string, options: ReconcileOptions): Promise<ExitCode> {
  await readToEnd(path, config.settings.GATEWAY_PROJECT ?? '');
  const answer = await withShutdown(config, (params) => compareWithLedger(params, path, options.dryRun));
  const data = { ...answer, dry_run: options.dryRun };
  const text = (): string =>
    reconciliationText(answer, {
      file: basename(path),
      isDryRun: options.dryRun,
      paint: paintFor(process.stdout, process.env),
      width: columnsOf(process.stdout),
    });
  process.stdout.write(`${options.json ? JSON.stringify(data) : text()}\n`);
  return differs(answer) ? exitCodes.needsAttention : exitCodes.ok;
}

/** Before the first record is ended, all of the report was read once. @throws {CommandError} exit 1 */
async function readToEnd(path: string, project: string): Promise<void> {
  try {
    const report = await openReport(path);
    try {
      if (report.project !== null && nameOf(report.project) !== nameOf(project))
        throw new CommandError(
          exitCodes.usage,
          `${printable(basename(path))} is a report of the project ${printable(report.project)}, and GATEWAY_PROJECT is ${printable(project)}: nothing is compared.`,
        );
      for await (const line of report.lines) void line;
    } finally {
      await report.close();
    }
  } catch (cause) {
    throw cause instanceof StructuralError ? new CommandError(exitCodes.usage, structuralText(path, cause), { cause }) : cause;
  }
}

/** A name of a file cannot have every character of a project's. */
const nameOf = (project: string): string => project.toLowerCase().replace(/[^a-z0-9.-]/g, '_');

const structuralText = (path: string, { problems: [first] }: StructuralError): string =>
  `${printable(basename(path))}, line ${first.line}: ${first.message} Nothing is compared.`;

async function compareWithLedger(params: OperateParams, path: string, isDryRun: boolean): Promise<ReconciliationAnswer> {
  const desk = await openDesk(params, !isDryRun);
  try {
    const report = await openReport(path);
    const answer = await compare(untilStopped(report.lines, params), report.days, {
      keys: createKeyDerivation(params.config.settings.GATEWAY_PROJECT ?? ''),
      ledger: desk.ledger,
      end: isDryRun ? null : (record, _evidence, row) => endAt(desk, record, row),
      raise: async (alert) => void (await done(desk, { type: 'raise_alert', alert: { ...alert, seen: [...alert.seen] } })),
    });
    if (!isDryRun) await done(desk, { type: 'publish' });
    return answer;
  } catch (cause) {
    if (!(cause instanceof StructuralError)) throw cause;
    const why = `${structuralText(path, cause)} It was whole before: has it changed? What was compared stays.`;
    throw new CommandError(exitCodes.stopped, why, { cause });
  } finally {
    await desk.close();
  }
}

async function* untilStopped(lines: AsyncIterable<ReportLine>, { stopping }: OperateParams): AsyncGenerator<ReportLine> {
  for await (const line of lines) {
    if (stopping.signal.aborted)
      throw new CommandError(
        exitCodes.stopped,
        `stopped: ${stopping.why() ?? 'by a signal'}. What was compared stays; the same report can be used again.`,
      );
    yield line;
  }
}

async function endAt(desk: Desk, record: LedgerRecord, row: ReportRow): ReturnType<NonNullable<ReconcileDependencies['end']>> {
  const { sessionId, operationId, amountMinor, currency, merchantMetadata } = row;
  const shown = { sessionId, operationId, amountMinor: String(amountMinor), currency, merchantMetadata };
  const { data } = await done(desk, { type: 'report_row', recordId: record.recordId, version: record.version, row: shown });
  const result = data['result'];
  if (result === 'session_taken') return { type: result, takenBy: String(data['taken_by']) };
  return { type: result === 'ended' ? 'ended' : 'moved' } satisfies EndResult;
}

async function done(desk: Desk, request: Parameters<Desk['ask']>[0]): Promise<OperationAnswer> {
  const answer = await desk.ask(request);
  if (answer.outcome === 'refused') throw new CommandError(exitCodes.stopped, answer.text);
  return answer;
}
