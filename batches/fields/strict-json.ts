/**
 * JSON from outside, read so that two readers cannot see two things in it: a member that is there twice is refused, and
 * a number that is not written as a plain integer keeps its literal. The engine's own parser does the parsing; one pass
 * over the text counts members and looks for such numbers.
 */

export class DuplicateMemberError extends SyntaxError {
  override readonly name = 'DuplicateMemberError';
  /** Where a name is twice: the names on the path to it, and itself. Items of a list are counted from 0. The first few. */
  readonly paths: readonly (readonly string[])[];
  constructor(paths: readonly (readonly string[])[]) {
    super('a member appears twice');
    this.paths = paths;
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
 * @param maxDepth how deep brackets may be nested
 * @returns the value; numbers that are not written as plain integers are `NumberLiteral`s
 * @throws SyntaxError when it is not JSON, DuplicateMemberError when a member appears twice, and RangeError when it is nested
 *   deeper than `maxDepth`
 */
export function parseStrictJson(text: string, maxDepth = Number.POSITIVE_INFINITY): unknown {
  const value: unknown = JSON.parse(text);
  const { members, deepest, hasOddNumber } = scan(text);
  if (deepest > maxDepth) throw new RangeError(`it is nested deeper than ${maxDepth} levels`);
  const found = deepest <= recursionDepth ? countMembers(value) : countMembersDeeply(value);
  if (members !== found) throw new DuplicateMemberError(duplicatePaths(text));
  if (!hasOddNumber) return value;
  return json.parse(text, (_key, one, { source }) =>
    typeof one === 'number' && source !== undefined && !plainInteger.test(source) ? json.rawJSON(source) : one,
  );
}

const [quote, backslash, colon, dot, upperE, lowerE] = Array.from('"\\:.Ee', (sign) => sign.charCodeAt(0));
const [openBrace, closeBrace, openBracket, closeBracket] = Array.from('{}[]', (sign) => sign.charCodeAt(0));
const isDigit = (code: number): boolean => code >= 48 && code <= 57;

/** Of a text that is known to be JSON. */
function scan(text: string): { readonly members: number; readonly deepest: number; readonly hasOddNumber: boolean } {
  let members = 0;
  let depth = 0;
  let deepest = 0;
  let hasOddNumber = false;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code === quote) index = endOfString(text, index);
    else if (code === colon) members += 1;
    else if (code === openBrace || code === openBracket) {
      depth += 1;
      if (depth > deepest) deepest = depth;
    } else if (code === closeBrace || code === closeBracket) depth -= 1;
    // `true` and `false` have an e too, and no digit before it.
    else if (code === dot || code === upperE || (code === lowerE && isDigit(text.charCodeAt(index - 1)))) hasOddNumber = true;
  }
  return { members, deepest, hasOddNumber };
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

/** An object (with its names) or a list that is still open, and what is being read in it. */
interface Open {
  readonly names: Set<string> | undefined;
  item: number;
  name: string;
}

const tokens = /[{}[\],]|"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?/gs;
const mostPaths = 20;

/** Of a text that is known to be JSON: where a name is in an object again; at the top level all of them. */
function duplicatePaths(text: string): readonly (readonly string[])[] {
  const paths = new Map<string, readonly string[]>();
  const open: Open[] = [];
  for (const [token, colonAfter] of text.matchAll(tokens)) {
    const inner = open.at(-1);
    if (token === '{') open.push({ names: new Set(), item: 0, name: '' });
    else if (token === '[') open.push({ names: undefined, item: 0, name: '0' });
    else if (token === '}' || token === ']') open.pop();
    else if (inner === undefined) continue;
    else if (token === ',' && inner.names === undefined) inner.name = String((inner.item += 1));
    else if (colonAfter !== undefined && inner.names !== undefined) {
      inner.name = JSON.parse(token.slice(0, -colonAfter.length)) as string;
      if (inner.names.has(inner.name) && (open.length === 1 || paths.size < mostPaths)) {
        const path = open.map(({ name }) => name);
        paths.set(JSON.stringify(path), path);
      }
      inner.names.add(inner.name);
    }
  }
  return [...paths.values()];
}

/** The value with each `NumberLiteral` as the number nearest to it. For values of bounded depth. */
export function withNumbers(value: unknown): unknown {
  if (isNumberLiteral(value)) return Number(value.rawJSON);
  if (Array.isArray(value)) return value.map(withNumbers);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, withNumbers(member)]));
}

/** What is nested no deeper than this is counted by recursion, which needs no lists of what is still to be counted. */
const recursionDepth = 64;

function countMembers(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  let members = 0;
  if (Array.isArray(value)) {
    for (const item of value as readonly unknown[]) members += countMembers(item);
    return members;
  }
  // What JSON.parse makes inherits no member that is listed.
  for (const name in value) members += 1 + countMembers((value as Readonly<Record<string, unknown>>)[name]);
  return members;
}

/** With a stack of its own: the depth of what came from outside is not bounded yet. */
function countMembersDeeply(value: unknown): number {
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
