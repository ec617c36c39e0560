/** Alerts in a file or on a topic: each is written once, as far as its id is remembered. */
import type { AlertSink } from '../batches/ports/alert-sink.ts';
import type { ResultSink } from '../batches/ports/result-sink.ts';
import type { AlertEvent } from '../batches/record/alert-event.ts';

/** Alerts are rare. Beyond it an old one may be written again, under the same id. */
const maxRemembered = 32_768;

/**
 * @param sink where lines go; a file also knows what former processes wrote
 */
export function createAlertSink(sink: ResultSink & { has?(eventId: string): boolean }): AlertSink {
  const written = new Set<string>();
  const underWay = new Map<string, Promise<void>>();

  const write = async ({ event_id: eventId, ...rest }: AlertEvent): Promise<void> => {
    await sink.publish([{ number: 0, eventId, json: JSON.stringify({ event_id: eventId, ...rest }) }]);
    written.add(eventId);
    if (written.size > maxRemembered) for (const oldest of written) return void written.delete(oldest);
  };
  return {
    async raise(alert) {
      const eventId = alert.event_id;
      if (written.has(eventId) || sink.has?.(eventId) === true) return false;
      const other = underWay.get(eventId);
      if (other !== undefined) return other.then(() => false);
      const mine = write(alert).finally(() => underWay.delete(eventId));
      underWay.set(eventId, mine);
      return mine.then(() => true);
    },
    close: () => sink.close(),
  };
}
