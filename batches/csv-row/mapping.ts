/** How the columns of somebody else's file are read: a small JSON file, the same for every file of that form. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { DuplicateMemberError, parseStrictJson } from '../fields/strict-json.ts';
import { maskName } from '../instruction/masks.ts';

/** @property columns theirs by ours; `constants` are cells that every row has */
export interface Mapping {
  readonly columns: Readonly<Record<string, string>>;
  readonly constants: Readonly<Record<string, string>>;
  readonly decimal?: 'point' | 'comma';
  readonly delimiter?: string;
  /** When it was made. It changes nothing. */
  readonly date?: string;
}

export type MappingReading =
  { readonly ok: true; readonly mapping: Mapping } | { readonly ok: false; readonly problems: readonly string[] };

const longest = 1_000;
const text = z.string().min(1).max(longest);
/** A name that is a member of every object would be found in an empty one. */
const names = z.record(text, z.string().max(longest)).refine((found) => !Object.hasOwn(found, '__proto__'));

const schema = z.strictObject({
  version: z.literal(1),
  columns: names.default({}),
  constants: names.default({}),
  decimal: z.enum(['point', 'comma']).optional(),
  delimiter: z.string().min(1).max(1).optional(),
  date: z.string().max(40).optional(),
});

const shape =
  'a mapping is {"version": 1, "columns": {"record_id": "their name"}, "constants": {"kind": "payout"}, "decimal": "point" or "comma", "delimiter": ";", "date": "…"}';

/** @returns every problem at once; none shows a value */
export function parseMapping(json: string): MappingReading {
  let value: unknown;
  try {
    value = parseStrictJson(json, 4);
  } catch (cause) {
    if (cause instanceof DuplicateMemberError) {
      return { ok: false, problems: cause.paths.map((path) => `${path.map(maskName).join('.')} appears twice: keep one of them`) };
    }
    return { ok: false, problems: [`it is not JSON: ${shape}`] };
  }
  const found = schema.safeParse(value);
  if (!found.success) return { ok: false, problems: found.error.issues.map(explain) };
  const { columns, constants, decimal, delimiter, date } = found.data;
  const both = Object.keys(columns).filter((name) => Object.hasOwn(constants, name));
  const empty = Object.entries(columns).filter(([, theirs]) => theirs.trim() === '');
  const problems = [
    ...both.map((name) => `${maskName(name)} is in columns and in constants: keep one of them`),
    ...empty.map(([name]) => `columns.${maskName(name)} is empty: give the name of a column of the file, or remove it`),
    ...(Object.keys(columns).length === 0 ? ['columns is empty: nothing would be read'] : []),
  ];
  if (problems.length > 0) return { ok: false, problems };
  return {
    ok: true,
    mapping: {
      columns,
      constants,
      ...(decimal === undefined ? {} : { decimal }),
      ...(delimiter === undefined ? {} : { delimiter }),
      ...(date === undefined ? {} : { date }),
    },
  };
}

function explain({ code, path, ...issue }: z.core.$ZodIssue): string {
  const where = path.length === 0 ? 'it' : path.map((part) => maskName(String(part))).join('.');
  if (code === 'unrecognized_keys' && 'keys' in issue) return `${issue.keys.map((key) => maskName(key)).join(', ')} is not known: ${shape}`;
  return `${where} is not as it must be: ${shape}`;
}

const sorted = (names: Readonly<Record<string, string>>) => Object.entries(names).sort(([a], [b]) => (a < b ? -1 : 1));

/** Equal for mappings that read every file alike: SHA-256, hex. */
export const mappingDigest = ({ columns, constants, decimal, delimiter }: Mapping): string =>
  createHash('sha256')
    .update(JSON.stringify([1, sorted(columns), sorted(constants), decimal ?? null, delimiter ?? null]))
    .digest('hex');
