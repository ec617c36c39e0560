import { CommandError, exitCodes, type ExitCode } from '../exit.ts';
import { isSchemaName, jsonSchema, schemaNames } from '../schemas.ts';

/** Prints a JSON Schema (draft 2020-12). */
export function schema(name: string): ExitCode {
  if (!isSchemaName(name)) {
    throw new CommandError(exitCodes.usage, `no schema ${JSON.stringify(name)}: expected one of ${schemaNames.join(', ')}.`);
  }
  process.stdout.write(`${JSON.stringify(jsonSchema(name), null, 2)}\n`);
  return exitCodes.ok;
}
