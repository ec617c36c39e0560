/** What every ledger must hold: the sentences of the port, one by one. Run against each real implementation. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Ledger } from '../../batches/ports/ledger.ts';
import { conservationSuite } from './ledger-conservation.suite.ts';
import { batchesSuite } from './ledger-batches.suite.ts';
import { admissionSuite } from './ledger-admission.suite.ts';
import { advanceSuite } from './ledger-advance.suite.ts';
import type { LedgerHarness, LedgerUnderTest } from './ledger-harness.ts';
import { sendsSuite } from './ledger-sends.suite.ts';
import { outboxSuite } from './ledger-outbox.suite.ts';
import { overviewSuite } from './ledger-overview.suite.ts';
import { recordsSuite } from './ledger-records.suite.ts';
import { auditSuite } from './ledger-audit.suite.ts';
import { gatesSuite } from './ledger-gates.suite.ts';
import { pausesSuite } from './ledger-pauses.suite.ts';
import { retentionSuite } from './ledger-retention.suite.ts';

export function ledgerSuite(name: string, createHarness: () => Promise<LedgerHarness>): void {
  describe(`ledger contract: ${name}`, () => {
    let harness: LedgerHarness;
    let ledger: Ledger;
    beforeEach(async () => {
      harness = await createHarness();
      ledger = await harness.open();
    });
    afterEach(async () => {
      await ledger.close();
      await harness.dispose();
    });
    const under: LedgerUnderTest = {
      get ledger() {
        return ledger;
      },
      get shared() {
        return harness.shared ?? false;
      },
      get packs() {
        return harness.packs ?? false;
      },
      now: () => harness.now(),
      pass: (ms) => harness.pass(ms),
      async reopen() {
        await ledger.close();
        ledger = await harness.open();
        return ledger;
      },
    };

    batchesSuite(under);
    admissionSuite(under);
    advanceSuite(under);
    sendsSuite(under);
    outboxSuite(under);
    recordsSuite(under);
    retentionSuite(under);
    auditSuite(under);
    pausesSuite(under);
    gatesSuite(under);
    overviewSuite(under);

    describe('close', () => {
      it('writes the calls that were made before it', async () => {
        const waiting = ledger.openBatch({
          batchId: 'c',
          file: 'c.csv',
          policy: null,
          encoding: 'utf-8',
          delimiter: ',',
          bytes: 1,
          blockDigests: [],
          at: 1,
        });
        await ledger.close();
        await waiting;
        ledger = await harness.open();
        expect(await ledger.batch('c')).toMatchObject({ file: 'c.csv' });
      });

      it('is idempotent, and every call after it rejects', async () => {
        await ledger.close();
        await ledger.close();
        await expect(ledger.batches()).rejects.toThrow('closed');
        await expect(ledger.published({ numbers: [1], mark: null })).rejects.toThrow('closed');
      });
    });
  });

  conservationSuite(name, createHarness);
}
