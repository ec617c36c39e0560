/** What the audit trail costs: CPU of its hash chain, and bytes in SQLite, per ordinary payout. Run it with `node bench/audit.ts [RECORDS]`. */
import { copyFileSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { readAuditEntry, type AuditHead, type AuditNote } from '../batches/audit/audit-entry.ts';
import { move } from '../batches/record/step.ts';
import { openIn } from '../test/src/ledger/data-dir.ts';
import { admission, at, batchA, instructionOf, lineOf, manifest, transitionSettings, valid } from '../test/support/builders.ts';
import { admitted, intent, moved } from '../test/support/ledger-steps.ts';

const records = Number(process.argv[2] ?? 5_000);
const fingerprint = 'f'.repeat(64);
const dir = mkdtempSync(join(tmpdir(), 'disburse-audit-'));

try {
  const ledger = await openIn(dir);
  await ledger.openBatch(manifest(batchA));
  const numbers = Array.from({ length: records }, (_, index) => index + 1);
  for (let from = 0; from < records; from += 500) await Promise.all(numbers.slice(from, from + 500).map(pay));
  const trail = await ledger.trail('inv-1');
  await ledger.close();

  const bytes = Math.round(
    (sizeWith('') - sizeWith('DELETE FROM audit; UPDATE record SET audit_number = NULL, audit_chain = NULL;')) / records,
  );
  const notes = trail.map(({ text }) => readAuditEntry(text)).filter((entry) => entry !== undefined);
  const rounds = 50_000;
  const before = process.cpuUsage();
  for (let round = 0; round < rounds; round += 1) chained(`inv-${round}`, notes);
  const { user, system } = process.cpuUsage(before);
  const micros = (user + system) / rounds;
  const entries = notes.map(({ event }) => event).join(', ');
  process.stdout.write(
    `${notes.length} entries (${entries}): ${micros.toFixed(1)} µs CPU to append, ${bytes} bytes in SQLite per record (${records} records)\n`,
  );

  async function pay(number: number): Promise<void> {
    const recordId = `inv-${number}`;
    const content = valid(instructionOf(recordId));
    await ledger.admit([admission(lineOf(batchA, number), content.type === 'valid' ? { ...content, fingerprint } : content)]);
    const sent = await moved(ledger, intent(await admitted(ledger, recordId, number)));
    const session = { sessionId: `ps_${number}5c8f2e7d41b9`, isSessionProven: true };
    const open = await moved(ledger, move(transitionSettings, sent, { patch: { status: 'in_progress', ...session }, event: 'answer', at }));
    await moved(
      ledger,
      move(transitionSettings, open, { patch: { status: 'succeeded', entryId: `pp_${number}a1b2c3` }, event: 'status_check', at }),
    );
  }
} finally {
  rmSync(dir, { recursive: true, force: true });
}

function chained(recordId: string, notes: readonly AuditNote[]): void {
  let head: AuditHead | null = null;
  for (const note of notes) head = transitionSettings.audit.append(head, recordId, note, at).head;
}

/** The size of the whole ledger after this change, packed. */
function sizeWith(sql: string): number {
  const copy = join(dir, 'copy.sqlite');
  rmSync(copy, { force: true });
  copyFileSync(join(dir, 'ledger.sqlite'), copy);
  const db = new DatabaseSync(copy);
  db.exec(`PRAGMA journal_mode = DELETE; ${sql} VACUUM;`);
  db.close();
  return statSync(copy).size;
}
