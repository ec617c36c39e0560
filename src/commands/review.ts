/** What a person at a terminal sees before a file is paid. Nothing is admitted before the answer. */
import { formatMinor } from '../../batches/fields/money.ts';
import type { BalanceReading } from '../../batches/gateway/balance.ts';
import { balanceOf, shortageText } from '../../batches/record/funds.ts';
import { systemClock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import type { Inspection } from '../files/payout-file.ts';
import { validationText } from '../files/validation-text.ts';
import { withBalance } from '../profiles/balance.ts';
import { ask, type Question } from '../terminal/ask.ts';
import { counted, grouped, paintFor, printable, type Paint } from '../terminal/format.ts';
import { columnsOf, wrapText } from '../terminal/width.ts';

/** A gateway that does not show its balance holds up the question for no longer. */
const patienceMs = 3_000;

const none = (why: string): BalanceReading => ({ type: 'none', why });

async function readBalanceSoon(config: Config): Promise<BalanceReading> {
  const answered = new AbortController();
  const late = systemClock.sleep(patienceMs, answered.signal).then(
    () => none(`no answer within ${patienceMs / 1000} s`),
    () => none('no answer'),
  );
  try {
    return await withBalance(config, (balance) => Promise.race([balance(), late]));
  } finally {
    answered.abort();
  }
}

/** @param balance what the gateway shows of its wallets */
export function reviewText(inspection: Inspection, balance: BalanceReading, paint: Paint): string {
  return [validationText(inspection, paint), ...balanceLines(inspection, balance, paint)].join('\n');
}

function balanceLines({ preflight }: Inspection, balance: BalanceReading, paint: Paint): string[] {
  if (balance.type === 'none') return [`  Balance: the gateway does not show it (${printable(balance.why)}).`];
  if (balance.wallets.length === 0) return ['  Balance: the gateway shows no wallets.'];
  const shown = balance.wallets.map(({ currency, amountMinor }) => `${currency} ${grouped(formatMinor(amountMinor, currency))}`);
  const needed = new Map([...preflight.totals].map(([currency, { amountMinor }]) => [currency, amountMinor]));
  const shortage = shortageText(needed, balanceOf(balance.wallets));
  return [
    `  Balance: ${shown.join(', ')}`,
    ...(shortage === null ? [] : [paint('red', `  The balance does not cover the file: ${shortage}`)]),
  ];
}

/** What is asked. */
export function questionText({ preflight, file }: Inspection, needsApproval: boolean): string {
  const totals = [...preflight.totals].map(([currency, { amountMinor }]) => `${currency} ${grouped(formatMinor(amountMinor, currency))}`);
  const what = `${counted(preflight.valid, 'row', 'rows')} of ${printable(file)}${totals.length === 0 ? '' : ` (${totals.join(', ')})`}`;
  return needsApproval ? `Submit ${what} for approval?` : `Pay ${what}?`;
}

export interface Terminal {
  readonly input: Question['input'] & { readonly isTTY?: boolean };
  readonly output: NodeJS.WriteStream;
}

/** Whether a person is there to be asked. */
export const isAsked = ({ json, yes }: { readonly json: boolean; readonly yes: boolean }, { input, output }: Terminal): boolean =>
  !json && !yes && input.isTTY === true && output.isTTY;

/** Shows the file and asks. @returns false: nothing is to be paid */
export async function reviewed(config: Config, inspection: Inspection, { input, output }: Terminal, signal: AbortSignal): Promise<boolean> {
  const balance = await readBalanceSoon(config);
  const width = columnsOf(output);
  output.write(`${wrapText(reviewText(inspection, balance, paintFor(output, process.env)), width)}\n`);
  const text = questionText(inspection, config.settings.APPROVAL === 'required');
  return ask({ input, output, text, signal });
}
