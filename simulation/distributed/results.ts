/** What readers of the results topic make of it, and what they must find there. */
import { readResultEvent } from '../../batches/record/result-event.ts';
import type { SharedWorld } from './instance.ts';

/** One line of each event id, and the events of a record in the order of their sequences. */
export function publishedOnce(lines: readonly string[]): string[] {
  const events = new Map<string, { readonly line: string; readonly sequence: number }>();
  for (const line of lines) {
    const event = readResultEvent(line);
    events.set(event?.event_id ?? line, { line, sequence: event?.sequence ?? 0 });
  }
  return [...events.values()].sort((one, other) => one.sequence - other.sequence).map(({ line }) => line);
}

/** Every message has a result of its own, or is a dead letter. */
export function unanswered({ topic, results, deadLetters }: SharedWorld): string[] {
  const answered = new Set(
    results.flatMap((line) => {
      const source = readResultEvent(line)?.source;
      return source !== undefined && 'topic' in source ? [`${source.partition}:${source.offset}`] : [];
    }),
  );
  return topic.partitions
    .flat()
    .map(({ partition, offset }) => `${partition}:${offset}`)
    .filter((place) => !answered.has(place) && !deadLetters.includes(place))
    .map((place) => `message ${place} has no result and is no dead letter`);
}
