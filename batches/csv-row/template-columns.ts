/** The columns of a template, explained. Whether a column is mandatory is not listed anywhere: it is what the rules say without it. */
import { columnHelp } from '../instruction/column-help.ts';
import type { Kind } from '../instruction/instruction.ts';
import type { MemberName } from '../instruction/members.ts';
import { exampleRow } from '../instruction/templates.ts';
import { createRowParser } from './parse-row.ts';

export interface TemplateColumn {
  readonly name: MemberName;
  readonly example: string;
  readonly isMandatory: boolean;
  readonly content: string;
}

/**
 * @param now milliseconds since the epoch
 * @returns undefined for a route that does not exist for this kind
 */
export function templateColumns(kind: Kind, route: string | undefined, now: number): readonly TemplateColumn[] | undefined {
  const row = exampleRow(kind, route);
  if (row === undefined) return undefined;
  const cells = Object.entries(row) as [MemberName, string][];
  const made = createRowParser(
    cells.map(([name]) => name),
    { now },
  );
  return cells.map(([name, example], index) => ({
    name,
    example,
    isMandatory: made.ok && !made.reader.check(cells.map(([, cell], at) => (at === index ? '' : cell))).ok,
    content: columnHelp[name],
  }));
}
