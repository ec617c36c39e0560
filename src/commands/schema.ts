import { z } from 'zod';
import { resultReaderSchema } from '../../batches/record/result-event.ts';
import { summarySchema } from '../../batches/record/summary.ts';
import { instructionSchema } from '../../batches/event/schema.ts';
import { CommandError, exitCodes, type ExitCode } from '../exit.ts';

const schemas = { instruction: instructionSchema, result: resultReaderSchema, summary: summarySchema.loose() };

/** Prints a JSON Schema (draft 2020-12). Members may be added to results and summaries, so the schemas allow others. */
export function schema(name: string): ExitCode {
  if (!Object.hasOwn(schemas, name)) {
    throw new CommandError(exitCodes.usage, `no schema ${JSON.stringify(name)}: expected one of ${Object.keys(schemas).join(', ')}.`);
  }
  process.stdout.write(`${JSON.stringify(z.toJSONSchema(schemas[name as keyof typeof schemas], { io: 'input' }), null, 2)}\n`);
  return exitCodes.ok;
}
