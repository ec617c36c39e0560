/** Dates and times of the report. Without a zone they are UTC. */
import type { Cell } from './cell.ts';

const iso =
  /^(?<year>\d{4})-(?<month>\d{2})-(?<day>\d{2})(?:[T ](?<hour>\d{2}):(?<minute>\d{2})(?::(?<second>\d{2})(?:[.,]\d+)?)?)?(?: ?(?<zone>Z|UTC|GMT|[+-]\d{2}:?\d{2}))?$/i;
const dotted = /^(?<day>\d{2})\.(?<month>\d{2})\.(?<year>\d{4})(?: (?<hour>\d{2}):(?<minute>\d{2})(?::(?<second>\d{2}))?)?$/;

/** @returns milliseconds since the epoch, to the second; null when it cannot be read without doubt */
export function readReportTime(cell: Cell | undefined): number | null {
  if (cell === undefined || cell.type === 'empty' || cell.type === 'number') return null;
  if (cell.type === 'date') return Number.isFinite(cell.at) ? cell.at : null;
  const text = cell.text.trim();
  const parts = (iso.exec(text) ?? dotted.exec(text))?.groups;
  if (parts === undefined) return null;
  const { year, month, day, hour = '00', minute = '00', second = '00', zone = 'Z' } = parts;
  const wall = `${year}-${month}-${day}T${hour}:${minute}:${second}`;
  const at = Date.parse(`${wall}Z`);
  // A day that is not in the calendar becomes another one.
  if (Number.isNaN(at) || !new Date(at).toISOString().startsWith(wall)) return null;
  const [, sign, hours = '0', minutes = '0'] = /^([+-])(\d{2}):?(\d{2})$/.exec(zone) ?? [];
  const offsetMs = (Number(hours) * 60 + Number(minutes)) * 60_000;
  return sign === '-' ? at + offsetMs : at - offsetMs;
}
