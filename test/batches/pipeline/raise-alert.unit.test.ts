import { describe, expect, it } from 'vitest';
import { createAlertRaiser } from '../../../batches/pipeline/raise-alert.ts';
import { alertOf, type Alert } from '../../../batches/record/alert.ts';
import { createMemoryStore, openMemoryLedger, type CarryWrite } from '../../../src/ledger/memory/ledger.ts';
import { at, batchA, manifest, sentRecord, transitionSettings } from '../../support/builders.ts';
import { admitted } from '../../support/ledger-steps.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

const world = async (sink: (alert: Alert) => Promise<void>, carry?: CarryWrite) => {
  const clock = createVirtualClock(at);
  const more = carry === undefined ? {} : { carry };
  const ledger = openMemoryLedger({ store: createMemoryStore(), rules: transitionSettings, clock, owner: 'one', ...more });
  await ledger.openBatch(manifest(batchA));
  const record = await admitted(ledger, 'inv-1', 2);
  return { ledger, record, raise: createAlertRaiser({ ledger, clock, settings: transitionSettings, sink }) };
};
const behind = (record = sentRecord()): Alert => alertOf('ledger_behind', record, { sessionId: 'ps_1', description: 'd' });

describe('raising an alert', () => {
  it('writes it to the sink before it is on the record', async () => {
    const order: string[] = [];
    const { ledger, record, raise } = await world(
      async () => void order.push('sink'),
      async (name, apply) => {
        if (name === 'advance') order.push('record');
        return apply();
      },
    );
    await raise(behind(record));
    expect(order).toEqual(['sink', 'record']);
    expect((await ledger.record('inv-1'))?.alerts).toEqual([{ alert: 'ledger_behind', fact: 'ps_1', at, acknowledged: false }]);
  });

  it('of an alert that the sink does not take leaves the record as it is', async () => {
    const { ledger, record, raise } = await world(() => Promise.reject(new Error('disk full')));
    await expect(raise(behind(record))).rejects.toThrow('disk full');
    expect(await ledger.record('inv-1')).toEqual(record);
  });

  it('again after an end between sink and record writes it onto the record, and a third time nothing', async () => {
    let dies = true;
    const seen: Alert[] = [];
    const { ledger, record, raise } = await world(
      async (alert) => void seen.push(alert),
      async (name, apply) => {
        if (name === 'advance' && dies) throw new Error('killed');
        return apply();
      },
    );
    await expect(raise(behind(record))).rejects.toThrow('killed');
    dies = false;
    await raise(behind(record));
    const after = await ledger.record('inv-1');
    expect(after?.alerts).toHaveLength(1);
    await raise(behind(record));
    expect(await ledger.record('inv-1')).toEqual(after);
    expect(seen).toEqual([behind(record), behind(record), behind(record)]);
  });

  it.each([
    ['a record that the ledger does not have', behind(sentRecord({ recordId: 'inv-2' }))],
    ['a row of a file that changed', { ...behind(), alert: 'file_changed' as const }],
  ])('about %s is in the sink only', async (_, alert) => {
    const seen: Alert[] = [];
    const { ledger, record, raise } = await world(async (one) => void seen.push(one));
    await raise(alert);
    expect(seen).toEqual([alert]);
    expect(await ledger.record('inv-1')).toEqual(record);
  });
});
