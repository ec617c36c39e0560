import type { Batch } from '../../batches/record/batch.ts';
import { whyPaused } from '../../batches/record/pause.ts';
import { isFinal, statuses } from '../../batches/record/status.ts';
import { needsPerson, type Summary } from '../../batches/record/summary.ts';
import { systemClock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import { CommandError, exitCodes, type ExitCode } from '../exit.ts';
import { summariesOf } from '../ledger/summary-of.ts';
import { openLedgerReader } from '../profiles/open-profile.ts';
import type { LedgerReader } from '../profiles/profile.ts';
import { paintFor, printable } from '../terminal/format.ts';
import { batchListText, summaryText } from '../terminal/summary-text.ts';
import { chooseBatch } from '../views/find-batch.ts';
import { interruptible } from './interruptible.ts';
import { recountDifferences } from './recount.ts';

interface StatusOptions {
  readonly limit: number | 'all';
  readonly json: boolean;
  readonly watch: boolean;
  readonly verify: boolean;
  readonly exitStatus: boolean;
}

const warn = (message: string): void => void process.stderr.write(`disburse: ${message}\n`);

/** What is shown of one batch, or of the newest ones. */
interface Look {
  readonly summaries: readonly Summary[];
  readonly hasMore: boolean;
  /** For people. */
  readonly text: string;
}

/** Shows one batch, or the newest ones. Reads only, also while another process pays. */
export async function status(config: Config, named: string | undefined, options: StatusOptions): Promise<ExitCode> {
  const { limit, json, watch, verify, exitStatus } = options;
  const { ledger, close } = await openLedgerReader(config, warn);
  try {
    const one = named === undefined ? undefined : (await chooseBatch(ledger, named)).batchId;
    const look = () => lookAt(ledger, one, limit);
    const { summaries, hasMore, text } = watch ? await watched(look, json) : await look();
    if (!watch) process.stdout.write(json ? linesOf(summaries) : `${text}\n`);
    if (hasMore) warn(`the newest ${summaries.length} batches are shown; --limit all shows every batch.`);
    const differs = verify && (await reportDifferences(ledger, summaries));
    return differs || (exitStatus && summaries.some(needsPerson)) ? exitCodes.needsAttention : exitCodes.ok;
  } finally {
    await close();
  }
}

const linesOf = (summaries: readonly Summary[]): string => summaries.map((summary) => `${JSON.stringify(summary)}\n`).join('');

async function lookAt(ledger: LedgerReader['ledger'], one: string | undefined, limit: StatusOptions['limit']): Promise<Look> {
  const batches = one === undefined ? await newest(ledger, limit) : [await ledger.batch(one)].filter((batch) => batch !== undefined);
  const shown = one === undefined && limit !== 'all' ? batches.slice(0, limit) : batches;
  const summaries = await summariesOf(ledger, shown, systemClock.now());
  const pauses = (await ledger.pauses()).filter(({ batchId }) => one === undefined || batchId === null || batchId === one);
  const [only] = summaries;
  const text =
    one === undefined || only === undefined
      ? batchListText(summaries)
      : summaryText(only, paintFor(process.stdout, process.env), process.stdout.columns);
  const paused = pauses.map((pause) =>
    printable(`Paused${pause.batchId === null ? '' : ` (batch ${pause.batchId.slice(0, 12)})`}: ${whyPaused(pause)}.`),
  );
  return { summaries, hasMore: shown.length < batches.length, text: [...paused, text].join('\n') };
}

/** Newest first, and one more than the limit where there are more. */
const newest = async (ledger: LedgerReader['ledger'], limit: StatusOptions['limit']): Promise<readonly Batch[]> =>
  limit === 'all' ? (await ledger.batches()).toReversed() : ledger.batches({ newest: limit + 1 });

/** Between two looks. */
const everyMs = 1_000;

/** Shows what changes until everything is final or it is interrupted. Draws over itself on a terminal; elsewhere only prints what is new. */
async function watched(look: () => Promise<Look>, json: boolean): Promise<Look> {
  const interrupt = interruptible();
  const isDrawn = process.stdout.isTTY === true && !json;
  let before = '';
  try {
    for (;;) {
      const seen = await look();
      const text = json ? linesOf(seen.summaries) : isDrawn ? `${seen.text}\n` : seen.summaries.map(watchLine).join('');
      if (isDrawn) process.stdout.write(`${erased(before)}${text}`);
      else if (text !== before) process.stdout.write(text);
      before = text;
      if (interrupt.signal.aborted || seen.summaries.every(({ state }) => state === 'finished' || state === 'cancelled')) return seen;
      await systemClock.sleep(everyMs, interrupt.signal).catch(() => undefined);
      if (interrupt.signal.aborted) return seen;
    }
  } finally {
    interrupt.release();
  }
}

/** Moves the cursor up over what was drawn, and clears the rest of the screen. */
function erased(before: string): string {
  const width = process.stdout.columns;
  const rows = before
    .split('\n')
    .slice(0, -1)
    .reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / width)), 0);
  return rows === 0 ? '' : `\u001b[${rows}A\u001b[J`;
}

function watchLine({ file, state, received, statuses: totals, open, alerts }: Summary): string {
  const final = statuses.filter((name) => isFinal[name]).reduce((sum, name) => sum + totals[name].count, 0);
  const rest = [`open ${open.count}`, `unknown ${totals.unknown.count}`, `failed ${totals.failed.count}`, `alerts ${alerts}`].join(', ');
  return `${printable(file)}: ${state}, ${final} of ${received.count} final, ${rest}\n`;
}

/** @returns whether any batch differs */
async function reportDifferences(ledger: LedgerReader['ledger'], summaries: readonly Summary[]): Promise<boolean> {
  let differs = false;
  for (const { batch_id: batchId, file } of summaries) {
    const differences = await recountDifferences(ledger, batchId);
    if (differences === null)
      throw new CommandError(
        exitCodes.stopped,
        `the totals of ${printable(file)} changed during every count, because a process pays from this ledger. Run again later.`,
      );
    for (const text of differences) warn(`${printable(file)} (batch ${printable(batchId)}): ${text}`);
    differs ||= differences.length > 0;
  }
  if (!differs) warn('the totals are as counted again from all records.');
  return differs;
}
