/**
 * The crash table. Each contender is killed with -9 when half of the file was sent, and started again on the same file; then it
 * gets a second file with the same ids and other amounts, and its data are searched for account numbers. Once more from the
 * beginning: between the kill and the second start the gateway forgets every key.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from './contenders.ts';
import type { Contender, Maker, Making } from './crash-contenders.ts';
import { countCrash, countOtherAmounts, paidCounts, type CrashCount, type OtherAmounts } from './crash-count.ts';
import { payoutColumns } from './make-file.ts';
import { table } from './numbers.ts';
import { ibansOf, readableIbans } from './readable-ibans.ts';
import { startStub, type Stub } from './stub-client.ts';

/** How long the gateway remembers a key where it forgets, as a setting of disburse, and how long the second start waits. */
const keyLifetime = '5s';
const forgetsAfterMs = 6_000;
const mostOtherAmounts = 300;

export interface Crash {
  readonly contender: string;
  readonly count: CrashCount;
  readonly forgotten: CrashCount;
  readonly otherAmounts: OtherAmounts;
  /** Undefined for a server whose files are elsewhere. */
  readonly readable: number | undefined;
  readonly secondSeconds: number;
  readonly note: string;
}

interface Files {
  readonly rows: number;
  readonly file: string;
  readonly recordIds: readonly string[];
  readonly ibans: ReadonlySet<string>;
  readonly other: string;
  readonly otherIds: readonly string[];
}

/** The cells of the benchmark's own files hold no comma. */
async function prepare(bench: Bench, rows: number): Promise<Files> {
  const file = await bench.place.file(rows);
  const text = await readFile(file, 'utf8');
  const [header = '', ...lines] = text.trimEnd().split('\n');
  const idOf = (line: string): string => line.slice(0, line.indexOf(','));
  const amountColumn = payoutColumns.indexOf('amount');
  const changed = lines.slice(0, mostOtherAmounts).map((line) => {
    const cells = line.split(',');
    cells[amountColumn] = `1${cells[amountColumn]}`;
    return cells.join(',');
  });
  const other = join(await bench.place.fresh('other'), 'other-amounts.csv');
  await writeFile(other, `${[header, ...changed].join('\n')}\n`);
  return { rows, file, recordIds: lines.map(idOf), ibans: ibansOf(text), other, otherIds: changed.map(idOf) };
}

/** Kills it at half of the file, and starts it again. */
async function killedAndStartedAgain(params: {
  readonly contender: Contender;
  readonly stub: Stub;
  readonly files: Files;
  readonly between: () => Promise<void>;
}): Promise<{ readonly count: CrashCount; readonly seconds: number }> {
  const { contender, stub, files, between } = params;
  await stub.reset();
  const first = contender.start(files.file);
  const tooEarly = first.ended.then(() => Promise.reject(new Error('it ended before half of the file was sent')));
  await Promise.race([stub.reached(files.rows / 2), tooEarly]);
  // The race's other promise is settled by the kill, too late to be heard.
  tooEarly.catch(() => undefined);
  await first.kill();
  await between();
  const { seconds } = await contender.finish(files.file);
  const { reported } = await contender.told();
  return { count: countCrash(files.recordIds, await stub.calls(), reported), seconds };
}

async function withContender<T>({ make }: Maker, making: Making, use: (contender: Contender) => Promise<T>): Promise<T> {
  const contender = await make(making);
  try {
    return await use(contender);
  } finally {
    await contender.close?.();
  }
}

async function crash(bench: Bench, maker: Maker, stub: Stub, files: Files): Promise<Crash> {
  const making = { bench, gateway: stub.url };
  const remembered = await withContender(maker, making, async (contender) => {
    const { count, seconds } = await killedAndStartedAgain({ contender, stub, files, between: async () => undefined });
    const paidBefore = paidCounts(await stub.calls());
    await contender.finish(files.other);
    const [told, calls] = [await contender.told(), await stub.calls()];
    return {
      contender: maker.name,
      count,
      secondSeconds: seconds,
      note: (await contender.note?.()) ?? '',
      otherAmounts: countOtherAmounts(files.otherIds, { paidBefore, paidAfter: paidCounts(calls), told }),
      readable: contender.folders === undefined ? undefined : await readableIbans(contender.folders, files.ibans),
    };
  });
  const forget = async (): Promise<void> => {
    await sleep(forgetsAfterMs);
    await stub.forgetKeys();
  };
  const forgotten = await withContender(maker, { ...making, keyLifetime }, async (contender) => {
    const { count } = await killedAndStartedAgain({ contender, stub, files, between: forget });
    return count;
  });
  return { ...remembered, forgotten };
}

export async function measureCrashes(
  bench: Bench,
  params: { readonly rows: number; readonly makers: readonly Maker[]; readonly say: (line: string) => void },
): Promise<readonly Crash[]> {
  const files = await prepare(bench, params.rows);
  const stub = await startStub('succeed');
  try {
    const crashes: Crash[] = [];
    for (const maker of params.makers) {
      const one = await crash(bench, maker, stub, files);
      crashes.push(one);
      params.say(`killed and started again: ${one.contender}`);
    }
    return crashes;
  } finally {
    await stub.stop();
  }
}

const columns: readonly { readonly name: string; readonly of: (crash: Crash) => string | number }[] = [
  { name: 'under two keys', of: ({ count }) => count.twoKeys },
  { name: 'paid twice', of: ({ count }) => count.paidTwice },
  { name: 'never sent', of: ({ count }) => count.neverSent },
  { name: 'without a result', of: ({ count }) => count.noResult },
  { name: 'paid, reported as failed', of: ({ count }) => count.reportedWrong },
  { name: 'reported as open', of: ({ count }) => count.reportedOpen },
  { name: 'repeats refused', of: ({ count }) => count.repeats },
  { name: 'second start s', of: ({ secondSeconds }) => secondSeconds.toFixed(1) },
];

const hardColumns: typeof columns = [
  { name: 'keys forgotten: paid twice', of: ({ forgotten }) => forgotten.paidTwice },
  { name: 'never sent', of: ({ forgotten }) => forgotten.neverSent },
  { name: 'reported as open', of: ({ forgotten }) => forgotten.reportedOpen },
  { name: 'other amounts: reported as succeeded, not sent', of: ({ otherAmounts }) => otherAmounts.silent },
  { name: 'paid again', of: ({ otherAmounts }) => otherAmounts.paidAgain },
  { name: 'reported as conflict', of: ({ otherAmounts }) => otherAmounts.conflicts },
  { name: 'something else', of: ({ otherAmounts }) => otherAmounts.other },
  { name: 'IBANs readable on disk', of: ({ readable }) => readable ?? 'not searched' },
];

export function tellCrashes(crashes: readonly Crash[]): string {
  const tableOf = (shown: typeof columns): string =>
    table(
      ['', ...shown.map(({ name }) => name)],
      crashes.map((crash) => [crash.contender, ...shown.map(({ of }) => String(of(crash)))]),
    );
  const notes = crashes.filter(({ note }) => note !== '').map(({ contender, note }) => `- ${contender}: ${note}.`);
  const legend = [
    `Keys forgotten: in another run the second start comes ${forgetsAfterMs / 1000} s after the kill, and the gateway, which promises to remember a key for ${keyLifetime}, has forgotten all of them.`,
    `Other amounts: after the second start the contender gets a file with the first ${mostOtherAmounts} ids and other amounts.`,
    'IBANs readable on disk: of the accounts of the file, those that are readable in the files of the contender and of its server; the payout file itself and the instructions topic are not counted.',
  ].join(' ');
  return [tableOf(columns), '', tableOf(hardColumns), '', legend, ...(notes.length === 0 ? [] : ['', ...notes])].join('\n');
}
