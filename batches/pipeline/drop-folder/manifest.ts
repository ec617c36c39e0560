/** What the sender of a file states of it in `<name>.manifest.json`, and whether the file is that. */
import { z } from 'zod';
import { currencyDecimals } from '../../fields/currencies.ts';
import { DuplicateMemberError, parseStrictJson } from '../../fields/strict-json.ts';
import { maskName } from '../../instruction/masks.ts';
import { compareTotals, type Total, type Totals } from '../../preflight/control-totals.ts';
import type { LineProblem } from '../../preflight/line-problem.ts';

/** Members that are absent state nothing. */
export interface Manifest {
  readonly sha256?: string;
  readonly bytes?: number;
  readonly rows?: number;
  readonly totals?: Totals;
  /** Numbers of one source follow each other without a gap, and none is used for two files. */
  readonly sequence?: { readonly source: string; readonly number: number };
  /** Whether it is to be paid with real money. */
  readonly live?: boolean;
  /** No row is sent before; milliseconds since the epoch. */
  readonly notBefore?: number;
}

export type ManifestReading =
  { readonly ok: true; readonly manifest: Manifest } | { readonly ok: false; readonly problems: readonly string[] };

const count = z.int().min(0);
const schema = z.strictObject({
  sha256: z
    .string()
    .regex(/^[0-9a-fA-F]{64}$/)
    .optional(),
  bytes: count.optional(),
  rows: count.optional(),
  totals: z
    .record(z.string().regex(/^[A-Za-z]{3}$/), z.strictObject({ count, amount: z.string().regex(/^\d{1,20}(?:\.\d{1,4})?$/) }))
    .optional(),
  sequence: z.strictObject({ source: z.string().min(1).max(200), number: count }).optional(),
  live: z.boolean().optional(),
  not_before: z.iso.datetime({ offset: true }).optional(),
});

const shape =
  'a manifest is {"sha256": "…", "bytes": 1234, "rows": 3, "totals": {"EUR": {"count": 3, "amount": "12.30"}}, "sequence": {"source": "erp", "number": 7}, "live": true, "not_before": "2026-05-01T08:00:00Z"}, and each member may be left out';

/** Whether it is written to its end: else it is read again. */
export function isCompleteJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** @returns every problem at once */
export function parseManifest(text: string): ManifestReading {
  let value: unknown;
  try {
    value = parseStrictJson(text.replace(/^\ufeff/, ''), 4);
  } catch (cause) {
    if (cause instanceof DuplicateMemberError) {
      return {
        ok: false,
        problems: cause.paths.map((path) => `${path.map(maskName).join('.')} appears twice in the manifest: keep one of them`),
      };
    }
    return { ok: false, problems: [`the manifest is not JSON: ${shape}`] };
  }
  const found = schema.safeParse(value);
  if (!found.success) return { ok: false, problems: found.error.issues.map(explain) };
  const { totals, not_before: notBefore, sha256, ...rest } = found.data;
  const read = totals === undefined ? undefined : readTotals(totals);
  if (typeof read === 'string') return { ok: false, problems: [read] };
  const { bytes, rows, sequence, live } = rest;
  return {
    ok: true,
    manifest: {
      ...(sha256 === undefined ? {} : { sha256: sha256.toLowerCase() }),
      ...(bytes === undefined ? {} : { bytes }),
      ...(rows === undefined ? {} : { rows }),
      ...(read === undefined ? {} : { totals: read }),
      ...(sequence === undefined ? {} : { sequence }),
      ...(live === undefined ? {} : { live }),
      ...(notBefore === undefined ? {} : { notBefore: Date.parse(notBefore) }),
    },
  };
}

function explain({ code, path, ...issue }: z.core.$ZodIssue): string {
  if (code === 'unrecognized_keys' && 'keys' in issue) {
    return `${issue.keys.map((key) => maskName(key)).join(', ')} in the manifest is not known: ${shape}`;
  }
  const where = path.length === 0 ? 'the manifest' : `${path.map((part) => maskName(String(part))).join('.')} in the manifest`;
  return `${where} is not as it must be: ${shape}`;
}

function readTotals(totals: Readonly<Record<string, { readonly count: number; readonly amount: string }>>): Totals | string {
  const read = new Map<string, Total>();
  for (const [name, { count: rows, amount }] of Object.entries(totals)) {
    const currency = name.toUpperCase();
    const decimals = currencyDecimals(currency);
    if (decimals === undefined) return `totals.${maskName(name)} in the manifest is not a current currency of ISO 4217`;
    if (read.has(currency)) return `totals.${currency} appears twice in the manifest: keep one of them`;
    const [whole = '0', fraction = ''] = amount.split('.');
    if (fraction.length > decimals) return `totals.${currency}.amount in the manifest has more decimals than ${currency} has`;
    read.set(currency, { count: rows, amountMinor: BigInt(whole + fraction.padEnd(decimals, '0')) });
  }
  return read;
}

/** What was read of the file. */
export interface FileFacts {
  readonly sha256: string;
  readonly bytes: number;
  readonly rows: number;
  /** Of the valid rows. */
  readonly totals: Totals;
  /** Whether this process pays with real money. */
  readonly isLive: boolean;
}

export const manifestProblem = (code: string, message: string): LineProblem => ({ line: 1, column: null, code, message, value: null });

/** All that differs; the sequence is not looked at here. */
export function compareManifest({ sha256, bytes, rows, totals, live }: Manifest, facts: FileFacts): readonly LineProblem[] {
  const differs = (message: string): LineProblem => manifestProblem('manifest_differs', message);
  const problems: LineProblem[] = [];
  if (sha256 !== undefined && sha256 !== facts.sha256)
    problems.push(
      differs(
        `The manifest states the SHA-256 ${sha256}, and the file has ${facts.sha256}: it was changed or damaged on the way. Send both again.`,
      ),
    );
  if (bytes !== undefined && bytes !== facts.bytes)
    problems.push(
      differs(
        `The manifest states ${bytes} bytes, and the file has ${facts.bytes}: it is not whole, or the manifest is of another file. Send both again.`,
      ),
    );
  if (rows !== undefined && rows !== facts.rows)
    problems.push(differs(`The manifest states ${rows} rows, and the file has ${facts.rows}.`));
  if (totals !== undefined)
    problems.push(...compareTotals(totals, facts.totals).map((message) => differs(`The manifest states other totals. ${message}`)));
  if (live !== undefined && live !== facts.isLive) problems.push(manifestProblem('wrong_environment', environment(live)));
  return problems;
}

const environment = (live: boolean): string =>
  live
    ? 'The manifest says that the file is live, and this instance pays on a gateway of this machine, which is for tests: drop the file where it belongs.'
    : 'The manifest says that the file is a test, and this instance pays with real money: drop the file where it belongs.';
