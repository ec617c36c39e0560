/** Points in time as people write and read them; always UTC, unless a zone says otherwise. */
import { parseDurationMs } from '../duration.ts';

const shape = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,3}))?)?(?: ?(Z|[+-]\d\d:?\d\d))?)?$/;

/**
 * `2026-11-21`, `2026-11-21 08:00`, `2026-11-21T08:00:00.000+01:00`; without a zone it is UTC.
 *
 * @returns milliseconds since the epoch; undefined for any other text and for a day or hour that does not exist
 */
export function parseTime(text: string): number | undefined {
  const match = shape.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '0', zone = 'Z'] = match;
  const parts = [Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second)] as const;
  const time = Date.UTC(...parts, Number(fraction.padEnd(3, '0')));
  const date = new Date(time);
  const isReal = date.getUTCMonth() === parts[1] && date.getUTCDate() === parts[2] && parts[3] <= 23 && parts[4] <= 59 && parts[5] <= 59;
  const offset = offsetMs(zone);
  return isReal && offset !== undefined ? time - offset : undefined;
}

function offsetMs(zone: string): number | undefined {
  const match = /^([+-])(\d\d):?(\d\d)$/.exec(zone);
  if (match === null) return zone === 'Z' ? 0 : undefined;
  const [, sign, hours, minutes] = match;
  if (Number(hours) > 23 || Number(minutes) > 59) return undefined;
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
}

/** `-10m`: that long before `now`. */
export function parseAgo(text: string, now: number): number | undefined {
  const ms = text.startsWith('-') ? parseDurationMs(text.slice(1)) : undefined;
  return ms === undefined ? undefined : now - ms;
}

/** `2026-11-21 08:00:00Z` */
export const timeText = (iso: string): string => `${iso.slice(0, 19).replace('T', ' ')}Z`;
