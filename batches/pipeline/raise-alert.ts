/** An alert goes to the sink first, and then onto the record that it names. */
import type { Clock } from '../ports/clock.ts';
import type { Ledger } from '../ports/ledger.ts';
import { raiseAlert } from '../record/record-alerts.ts';
import type { TransitionSettings } from '../record/resend-rules.ts';
import { advance, type Alerts } from './advance.ts';

export interface AlertRaiserDeps {
  readonly ledger: Pick<Ledger, 'advance' | 'record'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly settings: Pick<TransitionSettings, 'audit'>;
  /** Resolves when the alert is durable in the sink. */
  readonly sink: Alerts['alert'];
}

/**
 * Resolves when the alert is durable in the sink and on its record. A process that dies in between raises the same alert
 * again: the sink knows it, and the record gets it then. An alert on a record that the ledger does not have, and one on a
 * row of a file that changed, is in the sink only.
 */
export const createAlertRaiser =
  ({ ledger, clock, settings, sink }: AlertRaiserDeps): Alerts['alert'] =>
  async (alert) => {
    await sink(alert);
    if (alert.alert === 'file_changed') return;
    const record = await ledger.record(alert.recordId);
    if (record !== undefined) await advance(ledger, record, (current) => raiseAlert(settings, current, alert, clock.now()));
  };
