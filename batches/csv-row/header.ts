/**
 * The header of a CSV file, compiled once into a plan: what each cell of a row is. Everything that is wrong with the
 * header is reported in one pass, and nothing of a file is read under a header that is not sound.
 */
import { columnNames, type BodyPath } from '../instruction/members.ts';
import { eventBounds } from '../instruction/bounds.ts';
import { violation, type RuleViolation } from '../fields/rule-violation.ts';
import type { Problem } from '../instruction/instruction.ts';
import { maskName } from '../instruction/masks.ts';
import { checkMetadataKey } from '../instruction/metadata.ts';
import { disallowedCharacter } from '../fields/text.ts';
import { routeNames } from '../instruction/templates.ts';
import { errorColumn } from './fix-file.ts';
import { unknownColumn } from './unknown-column.ts';

/** What a cell is: a member (its slot; a path narrows where it may stand), a text of the metadata, or nothing (`error`). */
export type Column =
  | { readonly is: 'member'; readonly name: string; readonly slot: number; readonly place: BodyPath | undefined }
  | { readonly is: 'metadata'; readonly name: string; readonly keys: readonly string[] }
  | { readonly is: 'ignored'; readonly name: string };

/** @property warnings what is odd about a header that can be read all the same */
export type HeaderReading =
  | { readonly ok: true; readonly columns: readonly Column[]; readonly warnings: readonly Problem[] }
  | { readonly ok: false; readonly problems: readonly [Problem, ...Problem[]] };

/** What every report of a header error ends with. */
export const headerAdvice =
  `A payout file needs record_id, currency, amount (or amount_minor) and the columns of one route, as "disburse template --route ${routeNames('payout')[0]}" ` +
  `prints them (routes: ${routeNames('payout').join(', ')}; with --kind payment: ${routeNames('payment').join(', ')}).`;

/** The same depth that events may have. */
const deepestMetadata = eventBounds.depth - 1;
const metadataPrefix = /^metadata\./i;
const required = ['record_id', 'currency'] as const;
const amounts = ['amount', 'amount_minor'] as const;

const report = (column: string | null, { code, message }: RuleViolation): Problem => ({
  code,
  column: column === null ? null : maskName(column),
  message,
  value: null,
});

const badKeys = (keys: readonly string[]): RuleViolation | undefined => {
  if (keys.some((key) => key === ''))
    return violation('header_metadata_key', 'A metadata key is empty: write metadata.<key>, with single dots between nested keys.');
  if (keys.length > deepestMetadata)
    return violation('header_metadata_key', `A metadata key is nested deeper than ${deepestMetadata} levels: use fewer dots.`);
  if (keys.includes('__proto__')) return violation('header_metadata_key', 'The metadata key __proto__ is not allowed: rename it.');
  return keys.map(checkMetadataKey).find((found) => found !== undefined);
};

const misdelimited = (header: readonly string[]): RuleViolation | undefined => {
  const [only] = header;
  if (header.length !== 1 || only === undefined || columnNames.has(only.trim().toLowerCase())) return undefined;
  const delimiter = [',', ';', '\t', '|'].find((sign) => only.includes(sign));
  if (delimiter === undefined) return undefined;
  const told = delimiter === '\t' ? 'a tab' : `"${delimiter}"`;
  return violation(
    'header_delimiter',
    `The header is read as a single column; its columns seem to be separated by ${told}: specify that delimiter.`,
  );
};

/** Metadata keys of which one excludes another: `a` beside `a.b`. */
const nesting = (paths: ReadonlyMap<string, string>): readonly Problem[] =>
  [...paths].flatMap(([path, name]) => {
    const keys = path.split('.');
    const above = keys.map((_, count) => keys.slice(0, count).join('.')).find((shorter) => paths.has(shorter));
    if (above === undefined) return [];
    return [
      report(
        name,
        violation(
          'header_metadata_nested',
          `metadata.${maskName(above)} is a text and cannot have nested keys: rename one of the two columns.`,
        ),
      ),
    ];
  });

interface Named {
  readonly name: string;
  readonly index: number;
}

const twice = (first: Named, second: Named): RuleViolation => {
  const told = ({ name, index }: Named): string => `"${maskName(name.trim())}" (column ${index + 1})`;
  return violation('header_name_twice', `${told(first)} and ${told(second)} have the same name: remove or rename one of them.`);
};

/** Blanks around a name are trimmed, also those that are not typed with the space bar; these are worth a warning. */
const oddBlanks = (name: string, index: number): readonly Problem[] => {
  const trimmed = name.trim();
  const odd = disallowedCharacter(name.replace(trimmed, ''));
  if (odd === undefined || trimmed === '' || disallowedCharacter(trimmed) !== undefined) return [];
  const message = `Column ${index + 1} is read as ${maskName(trimmed)}, but its name has more than ordinary blanks around it. ${disallowedCharacter(name)?.message ?? ''}`;
  return [report(name, violation('header_odd_blank', message))];
};

const missing = (seen: ReadonlyMap<string, unknown>, columns: readonly Column[]): readonly Problem[] => {
  const present = new Set(columns.flatMap((column) => (column.is === 'member' ? [column.slot] : [])));
  const has = (name: string): boolean => seen.has(name) || present.has(columnNames.get(name)?.slot ?? -1);
  const lacking = required
    .filter((name) => !has(name))
    .map((name) => violation('header_missing', `The column ${name} is missing: every row needs it.`));
  if (!amounts.some(has))
    lacking.push(violation('header_missing', 'The column amount (or amount_minor) is missing: every row needs one of them.'));
  return lacking.map((found) => report(null, found));
};

const together = (columns: readonly Column[]): readonly Problem[] =>
  columns.flatMap((column) => {
    if (column.is !== 'member' || column.place === undefined) return [];
    const short = columns.find((other) => other.is === 'member' && other.slot === column.slot && other.place === undefined);
    if (short === undefined) return [];
    return [
      report(
        column.name,
        violation(
          'header_name_and_path',
          `${short.name.trim()} and ${column.name.trim()} set the same member: keep one of the two columns.`,
        ),
      ),
    ];
  });

/**
 * @param header the cells of the header line, as the file spells them
 * @returns every structural problem at once; `column` is the name as the file spells it
 */
export const readHeader = (header: readonly string[]): HeaderReading => {
  const problems: Problem[] = [];
  const delimiter = misdelimited(header);
  if (delimiter !== undefined) return { ok: false, problems: [report(null, delimiter)] };

  const seen = new Map<string, { readonly name: string; readonly index: number }>();
  const present = new Set(header.map((name) => name.trim().toLowerCase()));
  const metadata = new Map<string, string>();
  const columns = header.map((name, index): Column => {
    const trimmed = name.trim();
    const isMetadata = metadataPrefix.test(trimmed);
    const key = isMetadata ? trimmed.replace(metadataPrefix, 'metadata.') : trimmed.toLowerCase();
    const ignored: Column = { is: 'ignored', name };
    if (key === '') {
      problems.push(report(null, violation('header_name_empty', `Column ${index + 1} has no name: name it or remove it.`)));
      return ignored;
    }
    const first = seen.get(key);
    if (first !== undefined) {
      problems.push(report(name, twice(first, { name, index })));
      return ignored;
    }
    seen.set(key, { name, index });
    if (isMetadata) {
      const path = key.slice('metadata.'.length);
      const keys = path.split('.');
      const bad = badKeys(keys);
      if (bad !== undefined) problems.push(report(name, bad));
      else metadata.set(path, name);
      return { is: 'metadata', name, keys };
    }
    if (key === errorColumn) {
      if (index !== header.length - 1)
        problems.push(
          report(
            name,
            violation('header_error_not_last', 'A column named error is ignored only if it is the last one: move or remove it.'),
          ),
        );
      return ignored;
    }
    const known = columnNames.get(key);
    if (known === undefined) {
      problems.push(report(name, unknownColumn(trimmed, present)));
      return ignored;
    }
    return { is: 'member', name, ...known };
  });

  problems.push(...together(columns), ...nesting(metadata), ...missing(seen, columns));
  const [first, ...others] = problems;
  return first === undefined ? { ok: true, columns, warnings: header.flatMap(oddBlanks) } : { ok: false, problems: [first, ...others] };
};
