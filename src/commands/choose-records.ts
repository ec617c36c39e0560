/** The records of a command that decides about several: by their ids, or all that match, with their totals as a check. */
import { parseControlTotals } from '../../batches/preflight/control-totals.ts';
import type { RecordStatus } from '../../batches/record/status.ts';
import { systemClock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import { CommandError, exitCodes } from '../exit.ts';
import { openLedgerReader } from '../profiles/open-profile.ts';
import type { LedgerReader } from '../profiles/profile.ts';
import { decidedStatuses, sumOf, totalsText, type Decision } from '../views/chosen-records.ts';
import { selectionFrom } from '../views/select-records.ts';

/** Filters of `records`, and the totals that a person has seen. */
export interface RecordChoice {
  readonly status?: readonly RecordStatus[];
  readonly batch?: string;
  readonly currency?: string;
  readonly code?: string;
  readonly olderThan?: number;
  readonly expect?: string;
}

/** Without what is not given. */
export const choiceOf = (given: { readonly [Name in keyof RecordChoice]: RecordChoice[Name] | undefined }): RecordChoice =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));

const most = 100_000;
const filters = ['status', 'batch', 'currency', 'code', 'olderThan'] as const;

/** @throws {CommandError} exit 1 for a choice that is none, exit 2 for other totals than expected: nothing is done then */
export async function chooseRecords(
  config: Config,
  ids: readonly string[],
  { decision, choice }: { readonly decision: Decision; readonly choice: RecordChoice },
): Promise<readonly string[]> {
  const isFiltered = filters.some((name) => choice[name] !== undefined);
  if (ids.length > 0 === isFiltered)
    throw new CommandError(exitCodes.usage, 'name records, or choose them with --status, --batch, --currency, --code or --older-than.');
  if (!isFiltered && choice.expect === undefined) return ids;
  const { ledger, close } = await openLedgerReader(config, (message) => void process.stderr.write(`disburse: ${message}\n`));
  try {
    const found = isFiltered ? await matching(ledger, decision, choice) : await named(ledger, ids);
    checkTotals(totalsText(sumOf(found)), found.length, choice.expect);
    return isFiltered ? found.map(({ recordId }) => recordId) : ids;
  } finally {
    await close();
  }
}

async function matching(ledger: LedgerReader['ledger'], decision: Decision, choice: RecordChoice) {
  const { expect: _expect, ...asked } = choice;
  const wanted = { status: decidedStatuses[decision], ...asked, sort: 'age' as const, limit: most };
  const { records } = await selectionFrom(ledger, wanted, systemClock.now());
  if (records.length < most) return records.map(({ record }) => record);
  throw new CommandError(exitCodes.usage, `${most} records or more match: choose fewer at once, such as those of one batch.`);
}

async function named(ledger: LedgerReader['ledger'], ids: readonly string[]) {
  const found = await Promise.all([...new Set(ids)].map((id) => ledger.record(id)));
  return found.filter((record) => record !== undefined);
}

function checkTotals(found: string, count: number, expect: string | undefined): void {
  if (count === 0) throw new CommandError(exitCodes.needsAttention, 'no record matches: nothing was done.');
  if (expect === undefined)
    throw new CommandError(
      exitCodes.usage,
      `--expect TOTALS is missing. ${count} ${count === 1 ? 'record matches' : 'records match'}: look at them with disburse records and the same options, and then add --expect ${found}.`,
    );
  const expected = parseControlTotals(expect);
  if (typeof expected === 'string') throw new CommandError(exitCodes.usage, `--expect: ${expected}.`);
  const ordered = new Map([...expected].toSorted(([one], [other]) => (one < other ? -1 : 1)));
  if (totalsText(ordered) === found) return;
  throw new CommandError(
    exitCodes.needsAttention,
    `nothing was done: --expect is ${totalsText(ordered)}, and the records have ${found}. Look at them with disburse records.`,
  );
}
