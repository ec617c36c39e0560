/** The rows of a file on their way into the ledger. */
import { expect, it } from 'vitest';
import { admitRows, type AdmitDeps } from '../../../batches/pipeline/admit-file.ts';
import { noTracing } from '../../../batches/ports/tracer.ts';
import { createFingerprints } from '../../../batches/record/fingerprint.ts';
import { createMemoryStore, openMemoryLedger } from '../../../src/ledger/memory/ledger.ts';
import { at, batchA, instructionOf, manifest, transitionSettings as settings } from '../../support/builders.ts';

it('a row that reads differently than when it was admitted is refused with its line, and the record stays as it was admitted', async () => {
  const clock = { now: () => at, sleep: async () => undefined };
  const ledger = openMemoryLedger({ store: createMemoryStore(), rules: settings, clock, owner: 'one' });
  const batch = await ledger.openBatch(manifest(batchA));
  const deps: AdmitDeps = {
    ...{ ledger, settings, clock, tracer: noTracing, signal: new AbortController().signal },
    fingerprints: createFingerprints(Buffer.alloc(32, 1)),
    publisher: { notify: () => undefined },
  };
  const admit = (amountMinor: bigint) => {
    const draft = instructionOf('inv-1', { amountMinor, body: { amount_details: { amount: Number(amountMinor), currency: 'eur' } } });
    const rows = [{ line: 2, reading: { ok: true, draft } as const }];
    return admitRows(deps, { batch, rows: async function* () {}, hasBadRows: false }, rows, ({ reading }) => reading);
  };
  await admit(1_000n);
  await expect(admit(1_500n)).rejects.toThrow('line 2 (record inv-1) reads differently than when it was admitted, so it is not sent.');
  expect(await admit(1_000n)).toMatchObject([{ type: 'admitted', record: { recordId: 'inv-1', status: 'queued', amountMinor: 1_000n } }]);
});
