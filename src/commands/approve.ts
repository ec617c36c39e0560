/** Commands by which a second person lets a file go, or loosens what must hold before money moves. */
import { maskQuoted } from '../../batches/instruction/masks.ts';
import { parseControlTotals } from '../../batches/preflight/control-totals.ts';
import type { OperationRequest, RequestOf } from '../../batches/operations/request.ts';
import { limitsText, openGates, valuesOf, type Gates, type Limits } from '../../batches/record/gates.ts';
import type { Config } from '../config/config.ts';
import { maxAmounts } from '../config/values.ts';
import { CommandError, exitCodes, type ExitCode } from '../exit.ts';
import { openLedgerReader } from '../profiles/open-profile.ts';
import { printable } from '../terminal/format.ts';
import { batchIdOf, operateAll, reasonOf, type PersonOptions } from './operate.ts';
import { knownPersonOf } from './person.ts';

export interface ApproveOptions extends PersonOptions {
  readonly expect?: string;
}

export async function approve(config: Config, named: string, options: ApproveOptions): Promise<ExitCode> {
  const person = { by: knownPersonOf(config, options), reason: reasonOf(options) };
  if (options.expect === undefined)
    throw new CommandError(
      exitCodes.usage,
      '--expect TOTALS is missing: the totals that you have seen, as disburse validate prints them, such as EUR=12.30/3.',
    );
  const totals = parseControlTotals(options.expect);
  if (typeof totals === 'string') throw new CommandError(exitCodes.usage, `--expect: ${totals}.`);
  const expect = [...totals].map(([currency, { count, amountMinor }]) => ({ currency, count, amountMinor: String(amountMinor) }));
  return operateAll(config, [{ type: 'approve', batchId: await batchIdOf(config, named), expect, ...person }], options.json);
}

export async function refuse(config: Config, named: string, options: PersonOptions): Promise<ExitCode> {
  const person = { by: knownPersonOf(config, options), reason: reasonOf(options) };
  return operateAll(config, [{ type: 'refuse', batchId: await batchIdOf(config, named), ...person }], options.json);
}

export interface GatesOptions extends PersonOptions {
  readonly batchTotal?: string;
  readonly dayTotal?: string;
  readonly approval?: 'none';
  readonly confirm?: 'match';
}

export async function gates(config: Config, action: string | undefined, options: GatesOptions): Promise<ExitCode> {
  if (action === undefined || action === 'show') return showGates(config, options.json);
  const change = changeOf(options);
  if (Object.keys(change).length === 0)
    throw new CommandError(exitCodes.usage, 'name what to loosen: --batch-total, --day-total, --approval none or --confirm match.');
  const request: OperationRequest = { type: 'loosen', change, by: knownPersonOf(config, options), reason: reasonOf(options) };
  return operateAll(config, [request], options.json);
}

function changeOf({ batchTotal, dayTotal, approval, confirm }: GatesOptions): RequestOf<'loosen'>['change'] {
  return {
    ...(batchTotal === undefined ? {} : { maxBatchTotal: limitsGiven('--batch-total', batchTotal) }),
    ...(dayTotal === undefined ? {} : { maxDayTotal: limitsGiven('--day-total', dayTotal) }),
    ...(approval === undefined ? {} : { approval }),
    ...(confirm === undefined ? {} : { confirm }),
  };
}

function limitsGiven(option: string, text: string): Record<string, string> | null {
  if (text === 'none') return null;
  const read = maxAmounts.safeParse(text);
  if (!read.success) throw new CommandError(exitCodes.usage, `${option}: expected EUR=10000.00,USD=5000, or none.`);
  return Object.fromEntries([...read.data].map(([currency, minor]) => [currency, String(minor)]));
}

async function showGates(config: Config, json: boolean): Promise<ExitCode> {
  const warn = (message: string): void => void process.stderr.write(`disburse: ${message}\n`);
  const { ledger, close } = await openLedgerReader(config, warn);
  try {
    const held = await ledger.gates();
    process.stdout.write(json ? `${JSON.stringify(gatesView(held))}\n` : `${gatesText(held)}\n`);
    return exitCodes.ok;
  } finally {
    await close();
  }
}

const shown = (limits: Limits): string | null => (Object.keys(limits).length === 0 ? null : limitsText(limits));
const iso = (at: number): string => new Date(at).toISOString();

const gatesView = (held: Gates | null) => {
  const { maxBatchTotal, maxDayTotal, approval, confirm } = valuesOf(held ?? openGates);
  const { proposal = null, log = [] } = held ?? {};
  return {
    held: held !== null,
    max_batch_total: shown(maxBatchTotal),
    max_day_total: shown(maxDayTotal),
    approval,
    confirm,
    proposal: proposal === null ? null : { by: proposal.by, reason: proposal.reason, at: iso(proposal.at), change: proposal.change },
    log: log.map(({ by, reason, at, proposedBy, from, to }) => ({
      at: iso(at),
      by,
      ...(proposedBy === undefined ? {} : { proposed_by: proposedBy }),
      reason,
      from,
      to,
    })),
  };
};

function gatesText(held: Gates | null): string {
  if (held === null) return 'The ledger holds no limits yet: the next process that pays writes those of its settings.';
  const { maxBatchTotal, maxDayTotal, approval, confirm, proposal, log } = held;
  const lines = [
    `MAX_BATCH_TOTAL  ${limitsText(maxBatchTotal)}`,
    `MAX_DAY_TOTAL    ${limitsText(maxDayTotal)}`,
    `APPROVAL         ${approval}`,
    `GATEWAY_CONFIRM  ${confirm}`,
    ...(proposal === null
      ? []
      : [`Proposed by ${proposal.by} at ${iso(proposal.at)}, waits for a second person: ${maskQuoted(proposal.reason)}`]),
    ...log.map(
      ({ by, at, reason, proposedBy }) =>
        `Changed at ${iso(at)} by ${by}${proposedBy === undefined ? '' : ` after ${proposedBy}`}: ${reason}`,
    ),
  ];
  return lines.map(printable).join('\n');
}
