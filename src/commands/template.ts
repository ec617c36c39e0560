import { kinds, type Kind } from '../../batches/instruction/instruction.ts';
import { routeNames, templateCsv } from '../../batches/instruction/templates.ts';
import { CommandError, exitCodes, type ExitCode } from '../exit.ts';

/** Prints a CSV file with a header and one valid row. */
export function template(options: { readonly kind: string; readonly route?: string }): ExitCode {
  const kind = kinds.find((known): known is Kind => known === options.kind);
  if (kind === undefined)
    throw new CommandError(exitCodes.usage, `--kind ${JSON.stringify(options.kind)}: expected ${kinds.join(' or ')}.`);
  const routes = routeNames(kind);
  if (options.route !== undefined && !routes.includes(options.route)) {
    throw new CommandError(
      exitCodes.usage,
      `--route ${JSON.stringify(options.route)}: expected one of ${routes.join(', ')} for a ${kind}.`,
    );
  }
  process.stdout.write(templateCsv(kind, options.route) ?? '');
  return exitCodes.ok;
}
