/**
 * JSON from outside, read so that two readers cannot see two things in it: a member that is there twice is refused, and
 * a number that is not written as a plain integer keeps its literal. The engine's own parser does the parsing; one pass
 * over the text counts members and looks for such numbers.
 */

export class DuplicateMemberError extends SyntaxError {
  override readonly name = 'DuplicateMemberError';
  constructor() {
    super('a member appears twice');
  }
}

/** A number whose literal is not a plain integer, such as `1e3`, `1000.0` or `1.5`. `JSON.stringify` writes it as it was. */
export interface NumberLiteral {
  readonly rawJSON: string;
}

/** The parts of ECMAScript's "JSON.parse source text access" that are used here. */
interface JsonWithSource {
  parse(text: string, reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown): unknown;
  rawJSON(text: string): NumberLiteral;
  isRawJSON(value: unknown): boolean;
}
const json = JSON as unknown as JsonWithSource;

const plainInteger = /^-?(?:0|[1-9]\d*)$/;

export const isNumberLiteral = (value: unknown): value is NumberLiteral => json.isRawJSON(value);

/**
 * @returns the value; numbers that are not written as plain integers are `NumberLiteral`s
 * @throws SyntaxError when it is not JSON, and DuplicateMemberError when a member appears twice
 */
export function parseStrictJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  const { members, hasOddNumber } = scan(text);
  if (members !== countMembers(value)) throw new DuplicateMemberError();
  if (!hasOddNumber) return value;
  return json.parse(text, (_key, one, { source }) =>
    typeof one === 'number' && source !== undefined && !plainInteger.test(source) ? json.rawJSON(source) : one,
  );
}

const [quote, backslash, colon, dot, upperE, lowerE] = Array.from('"\\:.Ee', (sign) => sign.charCodeAt(0));
const isDigit = (code: number): boolean => code >= 48 && code <= 57;

/** Of a text that is known to be JSON. */
function scan(text: string): { readonly members: number; readonly hasOddNumber: boolean } {
  let members = 0;
  let hasOddNumber = false;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code === quote) index = endOfString(text, index);
    else if (code === colon) members += 1;
    // `true` and `false` have an e too, and no digit before it.
    else if (code === dot || code === upperE || (code === lowerE && isDigit(text.charCodeAt(index - 1)))) hasOddNumber = true;
  }
  return { members, hasOddNumber };
}

function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end;
}

function isEscaped(text: string, index: number): boolean {
  let backslashes = 0;
  while (text.charCodeAt(index - 1 - backslashes) === backslash) backslashes += 1;
  return backslashes % 2 === 1;
}

/** With a stack of its own: the depth of what came from outside is not bounded yet. */
function countMembers(value: unknown): number {
  let members = 0;
  const open: unknown[] = [value];
  for (let one = open.pop(); one !== undefined; one = open.pop()) {
    if (typeof one !== 'object' || one === null) continue;
    const inside: readonly unknown[] = Array.isArray(one) ? one : Object.values(one);
    if (!Array.isArray(one)) members += inside.length;
    for (const each of inside) if (typeof each === 'object' && each !== null) open.push(each);
  }
  return members;
}
