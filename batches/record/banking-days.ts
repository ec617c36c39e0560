/** On which days, and until which hour, payouts of a currency leave: data of the operator, and the calendar of TARGET. */

/**
 * @property zone of the hours, as the IANA names it
 * @property opens minutes after midnight from which a banking day counts
 * @property cutOff minutes after midnight from which the next banking day counts; null: midnight
 * @property weekend 0 is Sunday
 * @property holidays `yyyy-mm-dd`, beside those of TARGET
 */
export interface CurrencyDays {
  readonly zone: string;
  readonly opens: number;
  readonly cutOff: number | null;
  readonly weekend: readonly number[];
  readonly holidays: ReadonlySet<string>;
  readonly isTarget: boolean;
}

export interface BankingDays {
  /** From when on payouts of the currency leave, milliseconds since the epoch; null: now. */
  opensAt(currency: string, at: number): number | null;
}

export const alwaysOpen: BankingDays = { opensAt: () => null };

/** Easter Sunday of the Gregorian calendar, as days after 1 March. */
function easterOf(year: number): number {
  const [a, b, c] = [year % 19, Math.floor(year / 100), year % 100];
  const [d, e] = [Math.floor(b / 4), b % 4];
  const g = Math.floor((b - Math.floor((b + 8) / 25) + 1) / 3);
  const h = (19 * a + b - d - g + 15) % 30;
  const l = (32 + 2 * e + 2 * Math.floor(c / 4) - h - (c % 4)) % 7;
  const m = Math.floor((a + 11 * h + 22 * l) / 451);
  const sum = h + l - 7 * m + 114;
  const [month, day] = [Math.floor(sum / 31), (sum % 31) + 1];
  return (month - 3) * 31 + day - 1;
}

const dateText = (utc: number): string => new Date(utc).toISOString().slice(0, 10);

/**
 * The closing days of TARGET beside weekends: 1 January, Good Friday, Easter Monday, 1 May, 25 and 26 December, every year
 * since 2002. Compared with the calendar of the European Central Bank on 2026-11-28.
 */
export function isTargetHoliday(date: string): boolean {
  if (['01-01', '05-01', '12-25', '12-26'].includes(date.slice(5))) return true;
  const year = Number(date.slice(0, 4));
  const easter = easterOf(year);
  return [-2, 1].some((offset) => dateText(Date.UTC(year, 2, 1 + easter + offset)) === date);
}

const minuteMs = 60_000;
const dayMs = 86_400_000;
/** Banking days further away than this are none. */
const farthestDays = 400;

const formats = new Map<string, Intl.DateTimeFormat>();

/** The wall clock of the zone at this time, as if it were UTC. */
function localOf(at: number, zone: string): number {
  let format = formats.get(zone);
  if (format === undefined) {
    const parts = { year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' } as const;
    format = new Intl.DateTimeFormat('en-US', { timeZone: zone, hourCycle: 'h23', ...parts });
    formats.set(zone, format);
  }
  const found = new Map(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  const part = (name: Intl.DateTimeFormatPartTypes): number => found.get(name) ?? 0;
  return Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'));
}

/** The time at which the wall clock of the zone shows this. */
function utcOf(local: number, zone: string): number {
  const guess = local - (localOf(local, zone) - local);
  return guess - (localOf(guess, zone) - local);
}

const isBankingDay = ({ weekend, holidays, isTarget }: CurrencyDays, local: number): boolean => {
  const date = dateText(local);
  return !weekend.includes(new Date(local).getUTCDay()) && !holidays.has(date) && !(isTarget && isTargetHoliday(date));
};

/** An answer, and for which times it holds. */
interface Answer {
  readonly from: number;
  readonly until: number;
  readonly opens: number | null;
}

function answerAt(days: CurrencyDays, at: number): Answer {
  const { zone, opens, cutOff } = days;
  const local = localOf(at, zone);
  const today = local - (local % dayMs);
  const minutes = (local - today) / minuteMs;
  const isToday = isBankingDay(days, today) && minutes < (cutOff ?? dayMs / minuteMs);
  if (isToday && minutes >= opens) {
    const until = utcOf(today + (cutOff === null ? dayMs : cutOff * minuteMs), zone);
    return { from: at, until, opens: null };
  }
  for (let day = isToday ? 0 : 1; day <= farthestDays; day += 1) {
    const midnight = today + day * dayMs;
    if (!isBankingDay(days, midnight)) continue;
    const next = utcOf(midnight + opens * minuteMs, zone);
    return { from: at, until: next, opens: next };
  }
  return { from: at, until: at + dayMs, opens: at + dayMs };
}

/** @param currencies by their codes; one that is not named is always open */
export function createBankingDays(currencies: ReadonlyMap<string, CurrencyDays>): BankingDays {
  const known = new Map<string, Answer>();
  return {
    opensAt(currency, at) {
      const days = currencies.get(currency);
      if (days === undefined) return null;
      let answer = known.get(currency);
      if (answer === undefined || at < answer.from || at >= answer.until) {
        answer = answerAt(days, at);
        known.set(currency, answer);
      }
      return answer.opens;
    },
  };
}
