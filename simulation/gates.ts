/**
 * What must hold before money moves in a schedule: limits, the approval of files, times before which nothing is sent, who
 * confirms. A process holds and submits by the program's own steps.
 */
import type { OperationRequest } from '../batches/operations/request.ts';
import type { Clock } from '../batches/ports/clock.ts';
import type { Ledger } from '../batches/ports/ledger.ts';
import type { Totals } from '../batches/preflight/control-totals.ts';
import type { Batch } from '../batches/record/batch.ts';
import { openGates, stricter, type GateValues } from '../batches/record/gates.ts';
import { assertBatchTotal, submitFile } from '../src/files/submission.ts';
import { holdGates } from '../src/profiles/hold-gates.ts';
import { createDice, type Dice } from './dice.ts';
import { readOtherwise, type SimulatedFile } from './files.ts';
import type { World } from './world.ts';

const minuteMs = 60_000;
export const submitter = 'ana.submitter';

/** A file as persons know it. */
export interface FilePlan {
  readonly file: SimulatedFile;
  readonly totals: Totals;
  /** Amounts of its valid rows, by record id. */
  readonly amounts: ReadonlyMap<string, bigint>;
  /** Milliseconds since the epoch. */
  readonly notBefore: number | null;
}

/** A request for a payment whose first byte has left. @property at milliseconds since the beginning */
interface Sent {
  readonly recordId: string;
  readonly batchId: string;
  readonly amountMinor: bigint;
  readonly at: number;
}

export interface WorldGates {
  /** Settings of the first process. */
  readonly asked: GateValues;
  /** Its own: schedules without gates do not depend on it. */
  readonly dice: Dice;
  /** By batch id. */
  readonly plans: ReadonlyMap<string, FilePlan>;
  readonly sent: Sent[];
  /** What a second person asked for with the totals of the file, and no process refused: since when, in milliseconds since the beginning. */
  readonly rightApprovals: Map<OperationRequest, { readonly batchId: string; readonly at: number }>;
  /** Batch ids, as a process answered. */
  readonly approved: Set<string>;
  readonly refused: Set<string>;
}

const totalsOf = ({ readings }: SimulatedFile): Totals => {
  const drafts = readings.flatMap((reading) => (reading.ok ? [reading.draft] : []));
  const amountMinor = drafts.reduce((sum, draft) => sum + draft.amountMinor, 0n);
  return new Map(drafts.length === 0 ? [] : [['EUR', { count: drafts.length, amountMinor }]]);
};

/** @returns null for a schedule without gates */
export function drawGates(seed: number, files: readonly SimulatedFile[], startsAt: number): WorldGates | null {
  const dice = createDice(seed ^ 0x27d4eb2f);
  if (!dice.chance(0.35)) return null;
  const limit = (probability: number, limits: readonly [string, ...string[]]): Readonly<Record<string, string>> =>
    dice.chance(probability) ? { EUR: dice.pick(limits) } : {};
  const asked: GateValues = {
    maxBatchTotal: limit(0.3, ['2000', '4000']),
    maxDayTotal: limit(0.5, ['1500', '2000', '3000', '6000']),
    approval: dice.chance(0.6) ? 'required' : 'none',
    confirm: dice.chance(0.3) ? 'manual' : 'match',
  };
  const plans = files.map((file): [string, FilePlan] => {
    const amounts = new Map(
      file.readings.flatMap((reading) => (reading.ok ? [[reading.draft.recordId, reading.draft.amountMinor] as const] : [])),
    );
    const notBefore = dice.chance(0.3) ? startsAt + dice.pick([5, 180, 30 * 60]) * minuteMs : null;
    return [file.batchId, { file, totals: totalsOf(file), amounts, notBefore }];
  });
  return { asked, dice, plans: new Map(plans), sent: [], rightApprovals: new Map(), approved: new Set(), refused: new Set() };
}

/** Settings of one run: those of the first process, or looser ones, which the ledger overrules, or stricter ones. */
export function drawRunGates({ asked, dice }: WorldGates, store: World['store']): GateValues {
  if (store.gates === null) return asked;
  const lower = asked.maxDayTotal['EUR'] === undefined ? asked : stricter(asked, { ...openGates, maxDayTotal: { EUR: '1000' } });
  return dice.pick([asked, asked, openGates, lower]);
}

/** Now and then another version runs a file that is to be approved, and more often one that is. */
export const perhapsOtherwise = (gates: WorldGates | null, file: SimulatedFile): SimulatedFile =>
  gates?.asked.approval === 'required' && gates.dice.chance(gates.approved.has(file.batchId) ? 0.4 : 0.1)
    ? readOtherwise(gates.dice, file)
    : file;

export const hold = (world: World, name: string, { ledger, clock, asked }: Steps & { readonly asked: GateValues }): Promise<void> => {
  const tell = (_: unknown, text: string): void => world.story.tell(name, text);
  return holdGates(ledger, { asked, logger: { warn: tell, info: tell }, now: clock.now });
};

interface Steps {
  readonly ledger: Ledger;
  readonly clock: Clock;
}

/** As the program opens the batch of a file. @throws {CommandError} for a file above the limit */
export async function openSubmitted(gates: WorldGates, file: SimulatedFile, { ledger, clock }: Steps): Promise<Batch> {
  const { batchId, manifest, policy, rowCount } = file;
  const inspection = { file: manifest.file, sha256: batchId, preflight: { rows: rowCount, totals: totalsOf(file) } };
  assertBatchTotal((await ledger.gates())?.maxBatchTotal ?? {}, inspection, await ledger.batch(batchId));
  const batch = await ledger.openBatch({ ...manifest, policy, at: clock.now() });
  await submitFile({ ledger, inspection, by: submitter, notBefore: gates.plans.get(batchId)?.notBefore ?? null, clock });
  await ledger.updateBatch({ batchId, state: 'running', at: clock.now() });
  return batch;
}

interface Body {
  readonly amount_details: { readonly amount: number };
  readonly metadata: { readonly record_id: string };
}

/** The first byte of a request for a payment leaves. */
export function noteSent({ gates, store, timeline }: World, bytes: Uint8Array): void {
  if (gates === null) return;
  const body = JSON.parse(Buffer.from(bytes).toString('utf8')) as Body;
  const recordId = body.metadata.record_id;
  const batchId = store.records.get(recordId)?.record.batchId ?? '';
  gates.sent.push({ recordId, batchId, amountMinor: BigInt(body.amount_details.amount), at: timeline.elapsed() });
}
