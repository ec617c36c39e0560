import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DuplicateMemberError, isNumberLiteral, parseStrictJson, withNumbers } from '../../../batches/fields/strict-json.ts';

describe('parseStrictJson', () => {
  it('reads any JSON as JSON.parse does, as long as its numbers are plain integers', () => {
    const integers = fc.integer({ min: Number.MIN_SAFE_INTEGER + 1, max: Number.MAX_SAFE_INTEGER }).map((number) => number + 0);
    const { value: values } = fc.letrec((tie) => ({
      value: fc.oneof({ maxDepth: 4 }, fc.string(), integers, fc.boolean(), fc.constant(null), tie('array'), tie('object')),
      array: fc.array(tie('value')),
      object: fc.dictionary(fc.string(), tie('value')),
    }));
    fc.assert(
      fc.property(values, fc.constantFrom(0, 2), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        expect(parseStrictJson(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  /** JSON as members in the order of the text, names perhaps twice, with the text of each number. */
  type Model =
    { readonly list: readonly Model[] } | { readonly members: readonly (readonly [string, Model])[] } | { readonly text: string };
  const models = fc.letrec<{ value: Model }>((tie) => {
    const name = fc.constantFrom('a', 'b', '', '__proto__', ':', '"', '\\\\', 'e1', ',{');
    return {
      value: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom('1', '-7', '0', '1e3', '1.0', '2.5E-3', 'true', 'null', '"a:b\\\\"', '"e1.5"').map((text) => ({ text })),
        fc.array(tie('value'), { maxLength: 4 }).map((list) => ({ list })),
        fc.array(fc.tuple(name, tie('value')), { maxLength: 4 }).map((members) => ({ members })),
      ),
    };
  }).value;
  const textOf = (model: Model, gap: string): string => {
    if ('text' in model) return model.text;
    if ('list' in model) return `[${gap}${model.list.map((one) => textOf(one, gap)).join(`,${gap}`)}]`;
    return `{${gap}${model.members.map(([name, one]) => `${JSON.stringify(name)}${gap}:${textOf(one, gap)}`).join(`${gap},`)}}`;
  };
  const duplicatesOf = (model: Model, path: readonly string[] = []): string[] => {
    if ('text' in model) return [];
    if ('list' in model) return model.list.flatMap((one, index) => duplicatesOf(one, [...path, String(index)]));
    return model.members.flatMap(([name, one], index) => [
      ...(model.members.findIndex(([other]) => other === name) < index ? [JSON.stringify([...path, name])] : []),
      ...duplicatesOf(one, [...path, name]),
    ]);
  };

  it('reads any text as JSON.parse does, or names each member that is there twice', () => {
    fc.assert(
      fc.property(models, fc.constantFrom('', ' ', '\n\t'), (model, gap) => {
        const text = textOf(model, gap);
        const expected = [...new Set(duplicatesOf(model))].toSorted();
        try {
          expect(withNumbers(parseStrictJson(text))).toEqual(JSON.parse(text));
          expect(expected).toEqual([]);
        } catch (error) {
          if (!(error instanceof DuplicateMemberError)) throw error;
          expect(error.paths.map((path) => JSON.stringify(path)).toSorted()).toEqual(expected);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    '{"a":1,"a":1}',
    '{"a":1,"b":{"c":[{"d":1,"d":2}]}}',
    '{"a":1,"\\u0061":2}',
    '{"":1,"":2}',
    '{"__proto__":1,"__proto__":2}',
    '[{"amount":1230,"amount":9999}]',
    String.raw`{"a\\":1,"a\\":2}`,
    String.raw`{"a\"b":":","a\"b":2}`,
  ])('refuses a member that is there twice: %s', (text) => {
    expect(() => parseStrictJson(text)).toThrow(DuplicateMemberError);
  });

  it.each(['{"a":":","b":"a:b\\":"}', '[]', '{}', '"a:b"', '{"a":{"a":1},"b":[{"a":1},{"a":2}]}', '{"__proto__":1}'])(
    'does not take for a duplicate what is none: %s',
    (text) => {
      expect(parseStrictJson(text)).toEqual(JSON.parse(text));
    },
  );

  it.each(['1e3', '1E3', '1000.0', '1.5', '-0.1', '1e-2', '1230.0000000000000001'])('keeps the literal of %s', (literal) => {
    const text = `{"amount":${literal},"rest":[true,false,null,7,"1e3"]}`;
    const value = parseStrictJson(text) as { readonly amount: unknown };
    expect(isNumberLiteral(value.amount)).toBe(true);
    expect(Number.isSafeInteger(value.amount)).toBe(false);
    expect(JSON.stringify(value)).toBe(text);
  });

  it.each(['', '{', '{"a":1,}', "{'a':1}", 'NaN', '01', '{"a":1}x', '"\u0001"'])('throws a SyntaxError for what is no JSON: %j', (text) => {
    expect(() => parseStrictJson(text)).toThrow(SyntaxError);
  });

  it('reads what is nested very deeply', () => {
    const nested = (inner: string): string => `${'[{"a":'.repeat(5_000)}${inner}${'}]'.repeat(5_000)}`;
    expect(parseStrictJson(nested('1'))).toHaveLength(1);
    expect(() => parseStrictJson(nested('{"b":1,"b":2}'))).toThrow(DuplicateMemberError);
  });

  it.each([
    ['[[1]]', 2],
    ['{"a":[{"[":"{"}]}', 3],
    ['[[],[],{"a":{}}]', 3],
    ['"[[["', 0],
    ['[{"\\"[[":1}]', 2],
  ])('reads %s with at least %i levels allowed, and refuses it with one less', (text, depth) => {
    expect(parseStrictJson(text, depth)).toEqual(JSON.parse(text));
    expect(() => parseStrictJson(text, depth - 1)).toThrow(RangeError);
  });

  it.each([63, 64, 65, 66])('finds a member that is there twice at level %i', (depth) => {
    const nested = (inner: string): string => `${'['.repeat(depth - 1)}${inner}${']'.repeat(depth - 1)}`;
    expect(() => parseStrictJson(nested('{"b":1,"b":2}'))).toThrow(DuplicateMemberError);
    expect(parseStrictJson(nested('{"b":1,"c":2}'))).toEqual(JSON.parse(nested('{"b":1,"c":2}')));
  });
});
