import { readFileSync } from 'node:fs';
import asyncApiSpecs from '@asyncapi/specs';
import { Ajv } from 'ajv';
import ajvFormats from 'ajv-formats';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { asyncApi } from '../../scripts/asyncapi.ts';
import { topicNames } from '../../src/kafka/topic-plan.ts';

type Document = ReturnType<typeof asyncApi>;
const document = parse(readFileSync('docs/asyncapi.yaml', 'utf8')) as Document;

/** The errors of a value, or none. The specification brings the schema of draft 7 along. */
function problemsOf(schema: object, value: unknown, { bringsDraft = false } = {}): readonly string[] {
  const ajv = new Ajv({ strict: false, allErrors: true, meta: !bringsDraft, validateSchema: !bringsDraft });
  ajvFormats.default(ajv);
  const validate = ajv.compile(schema);
  validate(value);
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath}: ${message}`);
}

const problemsOfDocument = (value: unknown) => problemsOf(asyncApiSpecs.schemas['3.0.0'] as object, value, { bringsDraft: true });

describe('docs/asyncapi.yaml', () => {
  it('is what scripts/asyncapi.ts makes of the code', () => {
    expect(document).toEqual(JSON.parse(JSON.stringify(asyncApi())));
  });

  it('is a valid AsyncAPI 3.0 document', () => {
    expect(problemsOfDocument(document)).toEqual([]);
  });

  it('is found invalid where a member is missing', () => {
    const { info: _info, ...rest } = document;
    expect(problemsOfDocument(rest)).not.toEqual([]);
  });

  it('names every topic that disburse has, and resolves every reference', () => {
    expect(Object.values(document.channels).map(({ address }) => address)).toEqual(Object.values(topicNames('{prefix}')));
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path = '']) => path);
    expect(references.length).toBeGreaterThan(10);
    for (const path of references) {
      const found = path.split('/').reduce<unknown>((at, name) => (at as Record<string, unknown> | undefined)?.[name], document);
      expect(found, path).toBeDefined();
    }
  });

  it.each(['instruction', 'result', 'alert'] as const)(
    'has examples of %s that its schema accepts, and refuses them without an id',
    (name) => {
      const schema = { $ref: `#/components/schemas/${name}`, components: document.components };
      const examples = document.components.messages[name].examples.map(({ payload }) => payload);
      expect(examples).not.toEqual([]);
      for (const example of examples) {
        expect(problemsOf(schema, example)).toEqual([]);
        const { [name === 'instruction' ? 'record_id' : 'event_id']: _id, ...rest } = example as Record<string, unknown>;
        expect(problemsOf(schema, rest)).not.toEqual([]);
      }
    },
  );
});
