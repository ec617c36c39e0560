/**
 * What must hold before money moves, as the ledger keeps it: limits, the approval of files, who confirms. It is checked in
 * the step that writes an intent. A process with looser settings obeys the ledger; one with stricter settings tightens it.
 */
import { formatMinor } from '../fields/money.ts';

/** Minor units as text, by currency; a currency that is not named has no limit. */
export type Limits = Readonly<Record<string, string>>;

export interface GateValues {
  /** A file above it is refused whole. */
  readonly maxBatchTotal: Limits;
  /** The sum of all intents of a UTC day stays within it. */
  readonly maxDayTotal: Limits;
  /** `required`: no row of a file is sent before a second person approves the file. */
  readonly approval: 'none' | 'required';
  readonly confirm: 'match' | 'manual';
}

/** What a person loosens: a limit that is given replaces the former one of all currencies; null removes it. */
export interface Loosening {
  readonly maxBatchTotal?: Limits | null;
  readonly maxDayTotal?: Limits | null;
  readonly approval?: 'none';
  readonly confirm?: 'match';
}

/** @property at milliseconds since the epoch */
export interface GateChange {
  readonly by: string;
  readonly reason: string;
  readonly at: number;
  /** Who asked for it first, where a second person was needed. */
  readonly proposedBy?: string;
  readonly from: GateValues;
  readonly to: GateValues;
}

/**
 * @property number rises with each change
 * @property proposal a loosening that waits for a second person
 * @property log the newest changes, the oldest first
 */
export interface Gates extends GateValues {
  readonly number: number;
  readonly proposal: { readonly change: Loosening; readonly by: string; readonly reason: string; readonly at: number } | null;
  readonly log: readonly GateChange[];
}

/** Changes that the log keeps. */
const loggedAtMost = 50;

export const openGates: GateValues = { maxBatchTotal: {}, maxDayTotal: {}, approval: 'none', confirm: 'match' };

const strictest = (one: Limits, other: Limits): Limits => {
  const limits: Record<string, string> = { ...one };
  for (const [currency, limit] of Object.entries(other)) {
    const known = limits[currency];
    if (known === undefined || BigInt(limit) < BigInt(known)) limits[currency] = limit;
  }
  return inOrder(limits);
};

/** One order, so that equal limits are equal texts. */
const inOrder = (limits: Limits): Limits => Object.fromEntries(Object.entries(limits).toSorted(([one], [other]) => (one < other ? -1 : 1)));

/** The stricter of both, for each limit. */
export const stricter = (one: GateValues, other: GateValues): GateValues => ({
  maxBatchTotal: strictest(one.maxBatchTotal, other.maxBatchTotal),
  maxDayTotal: strictest(one.maxDayTotal, other.maxDayTotal),
  approval: one.approval === 'required' || other.approval === 'required' ? 'required' : 'none',
  confirm: one.confirm === 'manual' || other.confirm === 'manual' ? 'manual' : 'match',
});

export const valuesOf = ({ maxBatchTotal, maxDayTotal, approval, confirm }: GateValues): GateValues => ({
  maxBatchTotal: inOrder(maxBatchTotal),
  maxDayTotal: inOrder(maxDayTotal),
  approval,
  confirm,
});

export const isSameGates = (one: GateValues, other: GateValues): boolean =>
  JSON.stringify(valuesOf(one)) === JSON.stringify(valuesOf(other));

/** As the settings have it: `EUR=10000.00,USD=5000.00`; `none` without any. */
export const limitsText = (limits: Limits): string => {
  const parts = Object.entries(inOrder(limits)).map(([currency, limit]) => `${currency}=${formatMinor(BigInt(limit), currency)}`);
  return parts.length === 0 ? 'none' : parts.join(',');
};

const settingTexts = (values: GateValues): Readonly<Record<string, string>> => ({
  MAX_BATCH_TOTAL: limitsText(values.maxBatchTotal),
  MAX_DAY_TOTAL: limitsText(values.maxDayTotal),
  APPROVAL: values.approval,
  GATEWAY_CONFIRM: values.confirm,
});

/** The settings in which both differ, by the names of their variables, each with its value in `one` and in `other`. */
export function differencesOf(
  one: GateValues,
  other: GateValues,
): readonly { readonly name: string; readonly one: string; readonly other: string }[] {
  const [texts, others] = [settingTexts(one), settingTexts(other)];
  return Object.entries(texts)
    .map(([name, text]) => ({ name, one: text, other: others[name] ?? '' }))
    .filter((found) => found.one !== found.other);
}

export const loosened = (values: GateValues, { maxBatchTotal, maxDayTotal, approval, confirm }: Loosening): GateValues =>
  valuesOf({
    maxBatchTotal: maxBatchTotal === undefined ? values.maxBatchTotal : (maxBatchTotal ?? {}),
    maxDayTotal: maxDayTotal === undefined ? values.maxDayTotal : (maxDayTotal ?? {}),
    approval: approval ?? values.approval,
    confirm: confirm ?? values.confirm,
  });

/** The gates after a change, with its entry in the log. */
export const changedGates = (gates: Gates | null, change: Omit<GateChange, 'from'>): Gates => ({
  ...change.to,
  number: (gates?.number ?? 0) + 1,
  proposal: null,
  log: [...(gates?.log ?? []), { ...change, from: valuesOf(gates ?? openGates) }].slice(-loggedAtMost),
});

// Terms of a batch

/** A total of the valid rows of a file, as `validate` shows it. */
export interface BatchTotal {
  readonly currency: string;
  readonly count: number;
  readonly amountMinor: string;
}

/** @property hash over the place and the fingerprint of every row that may be sent */
export interface Approval {
  readonly by: string;
  readonly reason: string;
  readonly at: number;
  readonly hash: string;
}

/**
 * What holds for one batch.
 *
 * @property number rises with each change; 0: nothing is kept of it
 * @property submission who submitted the file, and what it has; the first one stays
 * @property notBefore no row is sent before this time, in milliseconds since the epoch
 */
export interface BatchTerms {
  readonly number: number;
  readonly submission: {
    readonly by: string;
    readonly at: number;
    readonly rows: number;
    readonly totals: readonly BatchTotal[];
  } | null;
  readonly approval: Approval | null;
  /** For good. */
  readonly refusal: { readonly by: string; readonly reason: string; readonly at: number } | null;
  readonly notBefore: number | null;
}

export const noTerms: BatchTerms = { number: 0, submission: null, approval: null, refusal: null, notBefore: null };

/** Ids of batches of files, and of no other: the hash of the file. */
export const isFileBatch = (batchId: string): boolean => /^[0-9a-f]{64}$/.test(batchId);

/** However the name is written. */
export const isSamePerson = (one: string, other: string): boolean => plainName(one) === plainName(other);

const plainName = (name: string): string => name.normalize('NFKC').trim().toLowerCase();

// Why an intent is not written

/** What an intent waits for; `until`: milliseconds since the epoch. */
export type Hold =
  | { readonly code: 'awaiting_approval' }
  | { readonly code: 'not_before'; readonly until: number }
  | { readonly code: 'day_total_reached'; readonly until: number; readonly currency: string; readonly limitMinor: string };

/** What holds up every first send of the batch. */
export function holdOf(
  batchId: string,
  { gates, terms, now }: { readonly gates: GateValues | null; readonly terms: BatchTerms; readonly now: number },
): Hold | null {
  if (gates?.approval === 'required' && isFileBatch(batchId) && terms.approval === null) return { code: 'awaiting_approval' };
  return terms.notBefore !== null && now < terms.notBefore ? { code: 'not_before', until: terms.notBefore } : null;
}

/** As a clause for people. */
export function whyHeld(hold: Hold): string {
  switch (hold.code) {
    case 'awaiting_approval':
      return 'a second person must approve its file';
    case 'not_before':
      return `it is not sent before ${new Date(hold.until).toISOString()}`;
    case 'day_total_reached': {
      const limit = formatMinor(BigInt(hold.limitMinor), hold.currency);
      return `with it, what is sent on this day (UTC) would exceed MAX_DAY_TOTAL, ${limit} ${hold.currency}; the next day begins at ${new Date(hold.until).toISOString()}`;
    }
  }
}

// The sum of a day

export const dayMs = 86_400_000;

/** Days since the epoch, UTC. */
export const dayOf = (at: number): number => Math.floor(at / dayMs);

/** @property day as `dayOf` gives it @property minor the sum of the intents of that day */
export interface DayTotal {
  readonly day: number;
  readonly minor: bigint;
}

/** A send that is proven not to have happened is taken back from the day that surely counted it. */
const surelyOfDayMs = 60_000;

/** The sum with one more intent; null when it would exceed the limit. */
export function addToDay(
  known: DayTotal | undefined,
  { minor, limit, now }: { minor: bigint; limit: bigint; now: number },
): DayTotal | null {
  const day = dayOf(now);
  const sum = (known?.day === day ? known.minor : 0n) + minor;
  return sum > limit ? null : { day, minor: sum };
}

/** @param sentAt when the send that did not happen was dated */
export function takeFromDay(known: DayTotal | undefined, { minor, sentAt }: { minor: bigint; sentAt: number }): DayTotal | undefined {
  const isCounted = known !== undefined && known.minor >= minor && dayOf(sentAt - surelyOfDayMs) === known.day;
  return isCounted ? { ...known, minor: known.minor - minor } : known;
}

export const dayHold = (currency: string, limit: bigint, day: number): Hold => ({
  code: 'day_total_reached',
  until: (day + 1) * dayMs,
  currency,
  limitMinor: String(limit),
});
