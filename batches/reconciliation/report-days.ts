/** The days that a report covers, in UTC: as its name has them, else those of its rows. */
import type { ReportDays } from './report-row.ts';

/** `YYYY-MM-DD`. @param at milliseconds since the epoch */
export const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10);

const named = /^(?<project>.*)_(?<from>\d{4}-\d{2}-\d{2})_(?<to>\d{4}-\d{2}-\d{2})(?!\d)/;

const isDay = (text: string): boolean => {
  const at = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(at) && dayOf(at) === text;
};

/**
 * @param name of the file, without its folder: `<Project>_YYYY-MM-DD_YYYY-MM-DD`, and anything behind it
 * @returns null when the name has another form
 */
export function daysInName(name: string): (ReportDays & { readonly project: string }) | null {
  const { project = '', from = '', to = '' } = named.exec(name)?.groups ?? {};
  return isDay(from) && isDay(to) && from <= to ? { project, from, to } : null;
}

/** From the first to the last day that is added. */
export function daysOf(): { add(at: number | null): void; days(): ReportDays | null } {
  let first = Number.POSITIVE_INFINITY;
  let last = Number.NEGATIVE_INFINITY;
  return {
    add(at) {
      if (at === null) return;
      first = Math.min(first, at);
      last = Math.max(last, at);
    },
    days: () => (first <= last ? { from: dayOf(first), to: dayOf(last) } : null),
  };
}
