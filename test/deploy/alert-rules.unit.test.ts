/** The alert rules over recorded series: when they fire, and when they do not. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { firingAfter, readRules, type Labels, type RecordedSeries } from '../support/alert-rules.ts';

const rules = readRules(readFileSync(join(import.meta.dirname, '..', '..', 'deploy', 'prometheus', 'alerts.yml'), 'utf8'));

type Step = readonly [fromMinute: number, value: number | undefined];

/** A value from a minute on, until the next one. */
const series = (name: string, labels: Labels, ...steps: readonly Step[]): RecordedSeries => ({
  name,
  labels,
  value: (second) => steps.findLast(([from]) => from * 60 <= second)?.[1],
});

function fires(alert: string, minutes: number, ...recorded: readonly RecordedSeries[]): readonly Labels[] {
  const rule = rules.find((one) => one.alert === alert);
  if (rule === undefined) throw new Error(`there is no rule ${alert}`);
  return firingAfter(rule, recorded, minutes);
}

const paused = (scope: string, code: string, ...steps: readonly Step[]) =>
  series('disburse_paused', { scope, code, instance: 'a' }, ...steps);
const alerts = (alert: string, ...steps: readonly Step[]) => series('disburse_alerts_total', { alert, instance: 'a' }, ...steps);

describe('the alert rules', () => {
  it('can all be read, and none fires without a series', () => {
    expect(rules.length).toBeGreaterThan(20);
    expect(rules.flatMap((rule) => firingAfter(rule, [], 5))).toEqual([]);
  });

  it('DisbursePaused fires when something has been paused for 1 hour, not earlier, and ends with the pause', () => {
    const batch = paused('batch', 'paused', [0, 0], [5, 2], [90, 0]);
    expect(fires('DisbursePaused', 64, batch)).toEqual([]);
    expect(fires('DisbursePaused', 66, batch)).toEqual([{ code: 'paused', scope: 'batch' }]);
    expect(fires('DisbursePaused', 91, batch)).toEqual([]);
    expect(fires('DisbursePaused', 61, paused('everything', 'moved', [0, 1]))).toEqual([{ code: 'moved', scope: 'everything' }]);
  });

  it('DisbursePaused counts the hour again when the pause was ended meanwhile, or its gauge was absent', () => {
    expect(fires('DisbursePaused', 70, paused('everything', 'paused', [0, 1], [30, 0], [31, 1]))).toEqual([]);
    expect(fires('DisbursePaused', 70, paused('everything', 'paused', [0, 1], [30, undefined], [31, 1]))).toEqual([]);
  });

  it('DisburseUnderfunded fires after 5 minutes without money, and DisbursePaused leaves that to it', () => {
    const batch = paused('batch', 'underfunded', [0, 1]);
    expect(fires('DisburseUnderfunded', 4, batch)).toEqual([]);
    expect(fires('DisburseUnderfunded', 6, batch)).toEqual([{ scope: 'batch' }]);
    expect(fires('DisbursePaused', 120, batch)).toEqual([]);
  });

  it('DisburseAlertsNotAcknowledged fires after 1 hour, once for all instances, until the alert is acknowledged', () => {
    const of = (instance: string): RecordedSeries =>
      series('disburse_unacknowledged_alerts', { alert: 'refunded', instance }, [0, 0], [10, 1], [100, 0]);
    expect(fires('DisburseAlertsNotAcknowledged', 69, of('a'), of('b'))).toEqual([]);
    expect(fires('DisburseAlertsNotAcknowledged', 71, of('a'), of('b'))).toEqual([{ alert: 'refunded' }]);
    expect(fires('DisburseAlertsNotAcknowledged', 101, of('a'), of('b'))).toEqual([]);
  });

  it('DisburseConfirmDeadline fires at once and for 1 hour, by no other alert', () => {
    const deadline = alerts('confirm_deadline', [0, 0], [10, 1]);
    expect(fires('DisburseConfirmDeadline', 9, deadline)).toEqual([]);
    expect(fires('DisburseConfirmDeadline', 10, deadline)).toHaveLength(1);
    expect(fires('DisburseConfirmDeadline', 69, deadline)).toHaveLength(1);
    expect(fires('DisburseConfirmDeadline', 80, deadline)).toEqual([]);
    expect(fires('DisburseConfirmDeadline', 10, alerts('refunded', [0, 0], [10, 1]))).toEqual([]);
  });

  it('DisburseLedgerBehind fires for 12 hours, and DisburseContradiction for the alerts that have no rule of their own', () => {
    const behind = alerts('ledger_behind', [0, 0], [10, 1]);
    const mismatch = alerts('evidence_mismatch', [0, 0], [10, 1]);
    expect(fires('DisburseLedgerBehind', 11 * 60, behind, mismatch)).toHaveLength(1);
    expect(fires('DisburseLedgerBehind', 13 * 60, behind)).toEqual([]);
    expect(fires('DisburseContradiction', 60, behind, mismatch, alerts('confirm_deadline', [0, 0], [10, 1]))).toEqual([
      { alert: 'evidence_mismatch' },
    ]);
  });

  it('a counter that a restart set back is no rise of the events before it', () => {
    expect(fires('DisburseLedgerBehind', 60, alerts('ledger_behind', [0, 3], [30, 0]))).toEqual([]);
    expect(fires('DisburseLedgerBehind', 60, alerts('ledger_behind', [0, 3], [30, 0], [40, 1]))).toHaveLength(1);
  });

  it('DisburseParkedForAPerson fires for records that only a person moves, not for those that a pause holds', () => {
    const parked = (reason: string): RecordedSeries => series('disburse_parked_records', { reason, instance: 'a' }, [0, 4]);
    expect(fires('DisburseParkedForAPerson', 16, parked('paused'), parked('body_missing'))).toEqual([{ reason: 'body_missing' }]);
    expect(fires('DisburseParkedForAPerson', 14, parked('body_missing'))).toEqual([]);
  });

  it('DisburseUnknownRecords and DisburseOldRecordOpen fire as long as a record is open', () => {
    const unknown = series('disburse_open_records', { status: 'unknown', instance: 'a' }, [0, 1], [60, 0]);
    expect(fires('DisburseUnknownRecords', 16, unknown)).toHaveLength(1);
    expect(fires('DisburseUnknownRecords', 61, unknown)).toEqual([]);
    const age = (status: string): RecordedSeries =>
      series('disburse_oldest_open_record_age_seconds', { status, instance: 'a' }, [0, 4 * 3_600 + 1]);
    expect(fires('DisburseOldRecordOpen', 6, age('queued'), age('unknown'))).toEqual([{ status: 'queued' }]);
  });

  it('DisburseResultsNotPublished, DisburseDeadLetters and DisburseBehind fire on what they compare over time', () => {
    const unpublished = series('disburse_unpublished_results', { instance: 'a' }, [0, 1], [5, 0], [6, 1]);
    expect(fires('DisburseResultsNotPublished', 14, unpublished)).toEqual([]);
    expect(fires('DisburseResultsNotPublished', 17, unpublished)).toHaveLength(1);
    const dead = series('disburse_dead_letters', { instance: 'a' }, [0, 2], [20, 3]);
    expect(fires('DisburseDeadLetters', 19, dead)).toEqual([]);
    expect(fires('DisburseDeadLetters', 21, dead)).toHaveLength(1);
    const lag = series('disburse_consumer_lag_records', { partition: '0', instance: 'a' }, [0, 7]);
    const outcomes = (...steps: readonly Step[]) => series('disburse_outcomes_total', { class: 'succeeded', instance: 'a' }, ...steps);
    expect(fires('DisburseBehind', 30, lag, outcomes([0, 5]))).toHaveLength(1);
    expect(fires('DisburseBehind', 30, lag, outcomes([0, 5], [25, 6]))).toEqual([]);
  });
});
