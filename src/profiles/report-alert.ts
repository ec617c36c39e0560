/** Reports what contradicts, for people and their tools: one log line and one count for each record and fact. */
import { currencyDecimals } from '../../batches/fields/currencies.ts';
import { formatMinor } from '../../batches/fields/money.ts';
import type { Alert } from '../../batches/record/alert.ts';
import type { Logger } from '../logger.ts';
import type { Metrics } from '../service/metrics.ts';

/** Facts that are remembered; beyond that the oldest is reported again when it is met again. */
const mostFacts = 10_000;

export function createAlertReporter({
  logger,
  metrics,
}: {
  readonly logger: Pick<Logger, 'error'>;
  readonly metrics?: Pick<Metrics, 'alert'>;
}): (alert: Alert) => void {
  const reported = new Set<string>();
  return ({ alert, record, sessionId, expected, seen, description }) => {
    const fact = JSON.stringify([alert, record.recordId, record.attempt, sessionId, description]);
    if (reported.has(fact)) return;
    for (const oldest of reported) {
      if (reported.size < mostFacts) break;
      reported.delete(oldest);
    }
    reported.add(fact);
    metrics?.alert(alert);
    const shown = seen.length === 0 ? '' : ` The gateway shows ${[...new Set(seen.map(amountText))].join(', ')}.`;
    logger.error(
      { event: 'alert', alert, record_id: record.recordId, batch_id: record.batchId, session_id: sessionId, expected, seen },
      `ALERT: record ${record.recordId}, ${amountText(expected)}. ${description}${shown}`,
    );
  };
}

/** In major units where the gateway's text is an amount of a known currency, else as it shows it. */
function amountText({ amount, currency }: Alert['expected']): string {
  const code = currency.toUpperCase();
  return `${code} ${/^\d+$/.test(amount) && currencyDecimals(code) !== undefined ? formatMinor(BigInt(amount), code) : amount}`;
}
