/** The first process writes its limits into the ledger; later ones obey what the ledger holds, or tighten it. */
import type { Ledger } from '../../batches/ports/ledger.ts';
import { changedGates, differencesOf, isSameGates, stricter, valuesOf, type GateValues, type Limits } from '../../batches/record/gates.ts';
import type { Config } from '../config/config.ts';
import type { Settings } from '../config/variables.ts';

const limitsOf = (amounts: Settings['MAX_DAY_TOTAL']): Limits =>
  Object.fromEntries([...(amounts ?? [])].map(([currency, minor]) => [currency, String(minor)]));

export const gatesOf = ({ settings }: Config): GateValues =>
  valuesOf({
    maxBatchTotal: limitsOf(settings.MAX_BATCH_TOTAL),
    maxDayTotal: limitsOf(settings.MAX_DAY_TOTAL),
    approval: settings.APPROVAL,
    confirm: settings.GATEWAY_CONFIRM,
  });

export interface GateLog {
  readonly warn: (fields: { readonly setting: string }, text: string) => void;
  readonly info: (fields: { readonly setting: string }, text: string) => void;
}

/** Resolves when no process can send what these settings, or those of an earlier process, forbid. */
export async function holdGates(
  ledger: Pick<Ledger, 'gates' | 'setGates'>,
  { asked, logger, now }: { readonly asked: GateValues; readonly logger: GateLog; readonly now: () => number },
): Promise<void> {
  for (;;) {
    const held = await ledger.gates();
    const to = held === null ? asked : stricter(held, asked);
    const isHeld = held !== null && isSameGates(held, to);
    const reason = held === null ? 'settings of the first process' : 'stricter settings of a process';
    const next = isHeld ? held : changedGates(held, { by: 'disburse', reason, at: now(), to });
    // What is held already is set once more: a process may have died before all of the ledger had it.
    if (!(await ledger.setGates(next, held?.number ?? 0))) continue;
    for (const { name, one, other } of differencesOf(asked, to))
      logger.warn(
        { setting: name },
        `${name}=${one} is looser than what the ledger holds, ${other}: the ledger counts. disburse gates shows it, disburse gates loosen changes it.`,
      );
    if (held !== null && !isHeld)
      for (const { name, one, other } of differencesOf(held, to))
        logger.info({ setting: name }, `the ledger holds ${name}=${other} from now on; it was ${one}`);
    return;
  }
}
