import { stat, writeFile } from 'node:fs/promises';
import { templateColumns, type TemplateColumn } from '../../batches/csv-row/template-columns.ts';
import { kinds, type Kind } from '../../batches/instruction/instruction.ts';
import { routeNames, templateCsv } from '../../batches/instruction/templates.ts';
import { systemClock } from '../clock.ts';
import { CommandError, exitCodes, type ExitCode } from '../exit.ts';
import { assertWritable } from '../files/output-path.ts';
import { isWorkbookName, textCell, writeWorkbook } from '../files/workbook-out.ts';
import { printable } from '../terminal/format.ts';

interface TemplateOptions {
  readonly kind: string;
  readonly route?: string;
  readonly out?: string;
}

/** A CSV file, or a workbook, with a header and one valid row. */
export async function template({ kind: wanted, route, out }: TemplateOptions): Promise<ExitCode> {
  const kind = kinds.find((known): known is Kind => known === wanted);
  if (kind === undefined) throw new CommandError(exitCodes.usage, `--kind ${JSON.stringify(wanted)}: expected ${kinds.join(' or ')}.`);
  const routes = routeNames(kind);
  if (route !== undefined && !routes.includes(route)) {
    throw new CommandError(exitCodes.usage, `--route ${JSON.stringify(route)}: expected one of ${routes.join(', ')} for a ${kind}.`);
  }
  const csv = templateCsv(kind, route) ?? '';
  if (out === undefined) {
    process.stdout.write(csv);
    return exitCodes.ok;
  }
  await assertWritable('--out', out, '', []);
  if ((await stat(out).catch(() => undefined)) !== undefined)
    throw new CommandError(exitCodes.usage, `cannot write --out ${out}: the file exists already. Give the name of one that does not.`);
  if (isWorkbookName(out)) await writeTemplate(out, templateColumns(kind, route, systemClock.now()) ?? []);
  else await writeFile(out, csv, { flag: 'wx' });
  process.stdout.write(`${printable(out)} is written. Replace its row by yours.\n`);
  return exitCodes.ok;
}

/** The second sheet explains the columns of the first. */
async function writeTemplate(path: string, columns: readonly TemplateColumn[]): Promise<void> {
  const explained = columns.map(({ name, isMandatory, content, example }) => [name, isMandatory ? 'yes' : 'no', content, example]);
  const bold = (text: string) => ({ value: text, type: String, fontWeight: 'bold' as const });
  await writeWorkbook(path, [
    {
      name: 'payouts',
      rows: [columns.map(({ name }) => bold(name)), columns.map(({ example }) => textCell(example))],
      widths: columns.map(({ name, example }) => Math.min(Math.max(name.length, example.length) + 2, 40)),
    },
    {
      name: 'columns',
      rows: [['column', 'mandatory', 'content', 'example'].map(bold), ...explained.map((row) => row.map(textCell))],
      widths: [30, 11, 80, 40],
    },
  ]);
}
