/** What happened to one record, and what moves it next. */
import type { PublishedHead, Trail } from '../../batches/audit/hash-chain.ts';
import { maskQuoted } from '../../batches/instruction/masks.ts';
import { recordView } from '../../batches/record/record-view.ts';
import { systemClock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import { CommandError, exitCodes, type ExitCode } from '../exit.ts';
import { openLedgerReader } from '../profiles/open-profile.ts';
import { brokenText, explanationText, verifiedText } from '../terminal/explanation-text.ts';
import { paintFor, printable } from '../terminal/format.ts';
import { columnsOf, wrapText } from '../terminal/width.ts';
import { explanationOf, publishedHeads, readConsistently } from '../views/explanation.ts';

interface ExplainOptions {
  readonly verify: boolean;
  readonly json: boolean;
}

const warn = (message: string): void => void process.stderr.write(`${wrapText(`disburse: ${message}`, columnsOf(process.stderr))}\n`);

/** Prints the record, its audit trail and its next step. Exit 2 for a record that the ledger does not have, and for a changed trail. */
export async function explain(config: Config, recordId: string, { verify, json }: ExplainOptions): Promise<ExitCode> {
  const reader = await openLedgerReader(config, warn);
  try {
    const chain = verify ? await reader.auditChain() : undefined;
    // Read before the ledger: what a result shows is in the ledger by then.
    const published = verify ? await publishedHeads(config, recordId, warn) : [];
    const found = await readConsistently(reader.ledger, recordId);
    if (found === undefined) throw unknownRecord(recordId, published);
    const { timed, entries } = found;
    const trail: Trail = { entries, head: timed.record.audit, published };
    const isEmpty = entries.length === 0 && trail.head === null && published.length === 0;
    const verification = isEmpty ? undefined : chain?.verify(recordId, trail);
    const view = recordView(timed, systemClock.now(), await reader.ledger.pauses());
    const explanation = explanationOf(view, trail, verification);
    const paint = paintFor(process.stdout, process.env);
    process.stdout.write(`${json ? JSON.stringify(explanation) : explanationText(explanation, paint, process.stdout.columns)}\n`);
    if (verify && verification === undefined) warn(`${printable(recordId)} has no audit trail to verify: an older version wrote it.`);
    if (verification?.type === 'broken') warn(brokenText(recordId, verification));
    else if (verification !== undefined && !json) process.stdout.write(`${verifiedText(verification, published)}\n`);
    return verification?.type === 'broken' ? exitCodes.needsAttention : exitCodes.ok;
  } finally {
    await reader.close();
  }
}

function unknownRecord(recordId: string, published: readonly PublishedHead[]): CommandError {
  const name = printable(maskQuoted(recordId));
  const why =
    published.length === 0
      ? `no record ${name} in this ledger. disburse records lists what is open; is DATA_DIR right (or REDIS_URL and REDIS_PREFIX)?`
      : `no record ${name} in this ledger, although ${published.length} of its results were published: the ledger has lost it.`;
  return new CommandError(exitCodes.needsAttention, why);
}
