/** The gauges of what operators pause, and of what waits for them. */
import type { Gauge } from 'prom-client';
import { alertKinds } from '../../batches/record/alert.ts';
import { parkingCodes } from '../../batches/record/parking.ts';
import type { Pause } from '../../batches/record/pause.ts';
import type { Feeds, MakeGauge } from './metric-sources.ts';
import { countLimit } from './operator-counts.ts';

/** Of what ends again: a cancelled batch is not paused. */
const pauseCodes = ['paused', 'underfunded', 'moved'] as const satisfies readonly Pause['code'][];

export function operatorFeeds(gauge: MakeGauge): Pick<Feeds, 'pauses' | 'parked' | 'unacknowledged'> {
  const paused = gauge('disburse_paused', 'What is paused: everything (1 or 0), and how many batches, by the reason (code).', [
    'scope',
    'code',
  ]);
  const parked = gauge(
    'disburse_parked_records',
    `Queued records that are not sent now, by reason; of the first ${countLimit} queued ones.`,
    ['reason'],
  );
  const alerts = gauge(
    'disburse_unacknowledged_alerts',
    `Records with an alert that no person has acknowledged, by alert; of the first ${countLimit} such records.`,
    ['alert'],
  );
  return {
    pauses: {
      gauges: [paused],
      set(pauses) {
        for (const code of pauseCodes) {
          const all = pauses.filter((pause) => pause.code === code);
          const batches = all.filter(({ batchId }) => batchId !== null).length;
          paused.set({ scope: 'everything', code }, all.length - batches);
          paused.set({ scope: 'batch', code }, batches);
        }
      },
    },
    parked: eachKnown(parked, 'reason', parkingCodes),
    unacknowledged: eachKnown(alerts, 'alert', alertKinds),
  };
}

const eachKnown = <Label extends string, Name extends string>(gauge: Gauge<Label>, label: Label, names: readonly Name[]) => ({
  gauges: [gauge],
  set(counts: ReadonlyMap<Name, number>): void {
    for (const name of names) gauge.set({ [label]: name } as Record<Label, Name>, counts.get(name) ?? 0);
  },
});
