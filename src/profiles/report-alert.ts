/** Reports what contradicts, for people and their tools: one event, one log line and one count for each record and fact. */
import { currencyDecimals } from '../../batches/fields/currencies.ts';
import { formatMinor } from '../../batches/fields/money.ts';
import type { AlertSink } from '../../batches/ports/alert-sink.ts';
import type { Clock } from '../../batches/ports/clock.ts';
import { alertEvent } from '../../batches/record/alert-event.ts';
import type { Alert } from '../../batches/record/alert.ts';
import type { KeyDerivation } from '../../batches/record/idempotency-key.ts';
import type { Logger } from '../logger.ts';
import type { Metrics } from '../service/metrics.ts';

export interface AlertReporterParams {
  readonly keys: KeyDerivation;
  readonly sink: Pick<AlertSink, 'raise'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly logger: Pick<Logger, 'error'>;
  readonly metrics?: Pick<Metrics, 'alert'>;
}

/** Resolves when the alert is durable in the sink. One that is there already is neither logged nor counted again. */
export function createAlertReporter({ keys, sink, clock, logger, metrics }: AlertReporterParams): (alert: Alert) => Promise<void> {
  return async (alert) => {
    const isNew = await sink.raise(alertEvent(keys, alert, clock.now()));
    if (!isNew) return;
    metrics?.alert(alert.alert);
    const { recordId, batchId, sessionId, expected, seen, description } = alert;
    const asked = expected === null ? '' : `, ${amountText(expected)}`;
    const shown = seen.length === 0 ? '' : ` The gateway shows ${[...new Set(seen.map(amountText))].join(', ')}.`;
    logger.error(
      { event: 'alert', alert: alert.alert, record_id: recordId, batch_id: batchId, session_id: sessionId, expected, seen },
      `ALERT: record ${recordId}${asked}. ${description}${shown}`,
    );
  };
}

/** In major units where the gateway's text is an amount of a known currency, else as it shows it. */
function amountText({ amount, currency }: NonNullable<Alert['expected']>): string {
  const code = currency.toUpperCase();
  return `${code} ${/^\d+$/.test(amount) && currencyDecimals(code) !== undefined ? formatMinor(BigInt(amount), code) : amount}`;
}
