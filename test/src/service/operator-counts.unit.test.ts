/** What waits for a person, counted over a ledger in memory, and the steps of it that are counted. */
import { describe, expect, it } from 'vitest';
import { advanceOne } from '../../../batches/ports/single.ts';
import { alertOf } from '../../../batches/record/alert.ts';
import { park } from '../../../batches/record/parking.ts';
import { cancelRecord, resolveRecord } from '../../../batches/record/person-steps.ts';
import { acknowledgeAlerts, raiseAlert } from '../../../batches/record/record-alerts.ts';
import type { Change } from '../../../batches/record/change.ts';
import { createMemoryStore, openMemoryLedger } from '../../../src/ledger/memory/ledger.ts';
import { meteredLedger } from '../../../src/service/metered.ts';
import { countLimit, countParked, countUnacknowledged, pausesCheck } from '../../../src/service/operator-counts.ts';
import { at, batchA, batchB, manifest, transitionSettings as rules } from '../../support/builders.ts';
import { admitted, intent, moved, recordIn } from '../../support/ledger-steps.ts';

async function open() {
  const ledger = openMemoryLedger({ store: createMemoryStore(), rules, clock: { now: () => at }, owner: 'one' });
  await ledger.openBatch(manifest(batchA));
  await ledger.openBatch(manifest(batchB));
  return ledger;
}

/** @throws when the step was not decided */
function decided(change: Change | null): Change {
  if (change === null) throw new Error('nothing to write');
  return change;
}

describe('countParked', () => {
  it('counts parked records by reason, and none that is only queued', async () => {
    const ledger = await open();
    for (const [index, code] of (['paused', 'paused', 'body_missing'] as const).entries()) {
      const record = await admitted(ledger, `inv-${index}`, index + 2);
      await moved(ledger, decided(park(rules, record, { reason: { code, description: 'It waits.' }, at })));
    }
    await admitted(ledger, 'due', 9);
    expect(Object.fromEntries(await countParked(ledger))).toEqual({ paused: 2, body_missing: 1 });
  });

  it('looks at no more than its limit of records', async () => {
    const ledger = await open();
    const record = await admitted(ledger, 'inv-1', 2);
    const parked = decided(park(rules, record, { reason: { code: 'paused', description: 'It waits.' }, at })).after;
    const asked: number[] = [];
    const records = async ({ limit }: { readonly limit: number }) => {
      asked.push(limit);
      return Array.from({ length: limit }, (_, index) => ({
        cursor: `${asked.length}:${index}`,
        record: parked,
        admittedAt: at,
        changedAt: at,
      }));
    };
    expect(Object.fromEntries(await countParked({ records }))).toEqual({ paused: countLimit });
    expect(asked.reduce((sum, limit) => sum + limit, 0)).toBe(countLimit);
  });
});

describe('countUnacknowledged', () => {
  it('counts a record once for each kind of its alerts, until they are acknowledged', async () => {
    const ledger = await open();
    const alert = (kind: 'refunded' | 'charged_back', fact: string) => ({
      ...alertOf(kind, first, { sessionId: 'ps_1', seen: [], description: 'Look.' }),
      fact,
    });
    const first = await recordIn(ledger, 'succeeded', 'inv-1', 2);
    let record = await moved(ledger, decided(raiseAlert(rules, first, alert('refunded', 'one'), at)));
    record = await moved(ledger, decided(raiseAlert(rules, record, alert('refunded', 'two'), at)));
    record = await moved(ledger, decided(raiseAlert(rules, record, alert('charged_back', 'three'), at)));
    expect(Object.fromEntries(await countUnacknowledged(ledger))).toEqual({ refunded: 1, charged_back: 1 });
    await moved(ledger, decided(acknowledgeAlerts(rules, record, { by: 'alice', reason: 'seen', at })));
    expect(await countUnacknowledged(ledger)).toEqual(new Map());
  });
});

describe('pausesCheck', () => {
  const pause = { code: 'paused', by: 'alice', reason: 'card 4111', at } as const;

  it('is well while something is paused and names it, everything first, without what the person wrote', async () => {
    const ledger = await open();
    expect(await pausesCheck(ledger)).toEqual({ ok: true });
    await ledger.setPause({ batchId: batchA, pause: { ...pause, code: 'underfunded' } });
    await ledger.setPause({ batchId: null, pause });
    await ledger.setPause({ batchId: batchB, pause: { ...pause, code: 'cancelled' } });
    expect(await pausesCheck(ledger)).toEqual({
      ok: true,
      detail: 'paused: everything (paused), aaaaaaaaaaaa (underfunded)',
      paused: ['everything', 'aaaaaaaaaaaa'],
    });
  });

  it('names at most 20 of many paused batches and says how many more there are', async () => {
    const pauses = async () => Array.from({ length: 25 }, (_, index) => ({ ...pause, batchId: String(index).padStart(64, '0') }));
    const { paused, detail } = await pausesCheck({ pauses });
    expect(paused).toHaveLength(20);
    expect(detail).toMatch(/ and 5 more$/);
  });
});

describe('meteredLedger', () => {
  it('counts what ended a record, and no step that is refused or leaves it open', async () => {
    const counted: string[] = [];
    const ledger = meteredLedger(await open(), { ended: (evidence) => void counted.push(evidence) });
    const queued = await admitted(ledger, 'inv-1', 2);
    const cancelled = cancelRecord(rules, queued, { by: 'alice', reason: 'wrong', at });
    const sent = await admitted(ledger, 'inv-2', 3);
    await moved(ledger, intent(sent));
    expect(counted).toEqual([]);
    if (cancelled.type !== 'change') throw new Error('not cancelled');
    expect(await advanceOne(ledger, cancelled.change)).toEqual({ ok: true });
    expect(await advanceOne(ledger, cancelled.change)).toMatchObject({ ok: false, why: 'moved' });
    const unknown = await recordIn(ledger, 'unknown', 'inv-3', 4);
    const resolved = resolveRecord(rules, unknown, { as: 'failed', by: 'alice', reason: 'bank', evidence: 'statement', at: at + 60_001 });
    if (resolved.type !== 'change') throw new Error('not resolved');
    await moved(ledger, resolved.change);
    expect(counted).toEqual(['cancelled', 'resolved']);
  });
});
