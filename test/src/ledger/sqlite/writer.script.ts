/**
 * Writes to a ledger as fast as it can, until it is killed or the ledger fails. Prints what is durable, a line
 * each: record id and version. On a failure of the ledger: one JSON line on stderr, and the exit code it asks for.
 *
 * Arguments: data folder, first line.
 */
import { openSqliteLedger } from '../../../../src/ledger/sqlite/ledger.ts';
import { LedgerError } from '../../../../src/ledger/errors.ts';
import { batchA, keys, manifest } from '../../../support/builders.ts';
import { admitted, intent, moved, step } from '../../../support/ledger-steps.ts';
import { binding, ledgerKey } from '../data-dir.ts';

const [dir = '', first = '2'] = process.argv.slice(2);
const body = Buffer.alloc(700, 'x');
let line = Number(first);

const ledger = await openSqliteLedger({ dir, binding, ledgerKey, keys, clock: { now: () => Date.now() }, host: 'child', mayCreate: true });
const tell = ({ recordId, version }: { readonly recordId: string; readonly version: number }): boolean =>
  process.stdout.write(`${recordId} ${version}\n`);

async function write(): Promise<never> {
  for (;;) {
    const mine = line++;
    const queued = await admitted(ledger, `inv-${mine}`, mine);
    tell(queued);
    const sent = await moved(ledger, intent(queued, body, Date.now()));
    tell(sent);
    tell(await moved(ledger, step(sent, { status: 'succeeded', sessionId: `ps_${mine}` }, { body: { eraseAt: 0 } })));
  }
}

try {
  await ledger.openBatch(manifest(batchA));
  await Promise.all(Array.from({ length: 50 }, write));
} catch (error) {
  if (!(error instanceof LedgerError)) throw error;
  const later = await ledger.batches().then(
    () => 'answered',
    (reason: unknown) => (reason instanceof LedgerError ? reason.code : String(reason)),
  );
  await ledger.close();
  process.stderr.write(`${JSON.stringify({ code: error.code, message: error.message, later })}\n`);
  process.exitCode = error.exitCode;
}
