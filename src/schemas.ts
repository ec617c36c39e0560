/** The JSON Schemas of what crosses the boundary (draft 2020-12), each under an id that names its version. */
import { z } from 'zod';
import { instructionSchema } from '../batches/event/schema.ts';
import { alertSchema } from '../batches/record/alert-event.ts';
import { resultReaderSchema } from '../batches/record/result-event.ts';
import { summarySchema } from '../batches/record/summary.ts';

/** Members may be added to what we write, so the schemas of results, summaries and alerts allow others. */
const schemas = {
  instruction: instructionSchema,
  result: resultReaderSchema,
  summary: summarySchema.loose(),
  alert: alertSchema.loose(),
} as const;

export type SchemaName = keyof typeof schemas;

export const schemaNames = Object.keys(schemas) as readonly SchemaName[];

export const isSchemaName = (name: string): name is SchemaName => Object.hasOwn(schemas, name);

/** Raised when a reader of the former version can no longer read what is written. */
export const schemaVersion = 1;

export const schemaId = (name: SchemaName): string => `urn:disburse:schema:${name}:${schemaVersion}`;

/**
 * With `$schema` and `$id` first.
 *
 * @param target draft 2020-12, or draft 7 for AsyncAPI, which knows no later one
 */
export function jsonSchema(name: SchemaName, target: 'draft-2020-12' | 'draft-7' = 'draft-2020-12'): Readonly<Record<string, unknown>> {
  const { $schema, ...rest } = z.toJSONSchema(schemas[name], { io: 'input', target });
  return { $schema, $id: schemaId(name), ...rest };
}
