import { byStatus } from '../../batches/record/tally.ts';
import type { Config } from '../config/config.ts';
import { CommandError, exitCodes, type ExitCode } from '../exit.ts';
import { assertWritable } from '../files/output-path.ts';
import { ledgerFile } from '../ledger/data-dir.ts';
import type { MovedSummary } from '../ledger/sealed-chunks.ts';
import { createLogger } from '../logger.ts';
import { assertNoFile } from '../profiles/move-ledger.ts';
import { exportProfileLedger, importProfileLedger } from '../profiles/open-profile.ts';
import { createShutdown } from '../service/shutdown.ts';
import { personOf } from './person.ts';
import { ownFiles } from './own-files.ts';

interface MoveOptions {
  readonly newLedger?: boolean;
  readonly allowUnsafeRedis?: boolean;
  readonly by?: string | undefined;
  readonly json?: boolean;
}

/** Moves the whole ledger into a file, which it is never paid from after that; or makes a ledger of such a file. */
export async function moveLedger(
  config: Config,
  action: 'export' | 'import',
  path: string | undefined,
  { newLedger = false, allowUnsafeRedis = false, by, json = false }: MoveOptions,
): Promise<ExitCode> {
  if (path === undefined) throw new CommandError(exitCodes.usage, `expected: disburse ledger ${action} FILE`);
  const logger = createLogger(config.settings.LOG_LEVEL, { write: (line) => void process.stderr.write(line) });
  const stopping = createShutdown(
    (signal) => process.stderr.write(`${signal}: stopping.\n`),
    () => process.exit(exitCodes.stopped),
  );
  const person = personOf(by === undefined ? {} : { by });
  const params = { config, path, logger, stopping, newLedger, allowUnsafeRedis, by: person };
  try {
    if (action === 'export') {
      assertNoFile(path);
      await assertWritable('the export', path, ledgerFile(config.dataDir), ownFiles(config));
      const summary = await exportProfileLedger(params);
      print(json, summary, { file: path }, exportedText(path, summary));
    } else {
      const { into, ...summary } = await importProfileLedger(params);
      print(json, summary, { file: path, into }, importedText(path, into, summary));
    }
    return exitCodes.ok;
  } finally {
    stopping.release();
  }
}

function print(json: boolean, { exportId, counts, tallies }: MovedSummary, more: Readonly<Record<string, string>>, text: string): void {
  const found = {
    export_id: exportId,
    ...more,
    records: counts['record'] ?? 0,
    batches: counts['batch'] ?? 0,
    statuses: byStatus(tallies),
  };
  process.stdout.write(json ? `${JSON.stringify(found)}\n` : text);
}

const contents = ({ counts }: MovedSummary): string => {
  const [records, batches] = [counts['record'] ?? 0, counts['batch'] ?? 0];
  return `${records} ${records === 1 ? 'record' : 'records'} of ${batches} ${batches === 1 ? 'batch' : 'batches'}`;
};

const exportedText = (path: string, summary: MovedSummary): string =>
  `The ledger is in ${path}: ${contents(summary)}. It is never paid from again where it was. Import the file with disburse ledger import where it is to be paid from, under the same ledger key.\n`;

const importedText = (path: string, into: string, summary: MovedSummary): string =>
  `${path} is imported into ${into}: ${contents(summary)}. Everything is paused: compare disburse status with what it was, then disburse resume --all.\n`;
