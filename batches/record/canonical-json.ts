/**
 * RFC 8785 (JSON Canonicalization Scheme): one text for all JSON that means the same.
 *
 * ECMAScript's own text of strings and numbers is what the RFC prescribes, so only the order of the members is ours.
 * Written here because the package costs three times as much; a test holds the two equal.
 */
import type { Json, JsonObject } from '../instruction/instruction.ts';

/** No control character, quote, backslash or surrogate: the text is its own JSON. */
const plain = /^[ !#-[\]-\ud7ff\ue000-\uffff]*$/;

const canonicalText = (text: string): string => {
  if (plain.test(text)) return `"${text}"`;
  if (!text.isWellFormed()) throw new RangeError('half of a surrogate pair has no canonical form');
  return JSON.stringify(text);
};

/** Up to so many names are sorted by insertion, which takes no memory; the engine's sort takes 0.7 KB each time. */
const mostInserted = 32;

/**
 * The names of an object's members in the order of the RFC, which is the default order: by UTF-16 code units. Our
 * own bodies are built in this order, so that sorting is the exception.
 */
export const orderedKeys = (object: object): readonly string[] => {
  const keys = Object.keys(object);
  if (keys.length > mostInserted) return keys.sort();
  for (let index = 1; index < keys.length; index += 1) {
    const key = keys[index] as string;
    let place = index;
    for (; place > 0 && (keys[place - 1] as string) > key; place -= 1) keys[place] = keys[place - 1] as string;
    if (place !== index) keys[place] = key;
  }
  return keys;
};

/** As the engine writes half of a surrogate pair, and nothing else that has a canonical form. */
const escapedSurrogate = /\\ud[89a-f]/;

/** Whether every object has its members in the order of the RFC, and every number is one that JSON has. */
const isOrdered = (value: Json): boolean => {
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object' || value === null) return true;
  if (Array.isArray(value)) return (value as readonly Json[]).every(isOrdered);
  const object = value as JsonObject;
  let former: string | undefined;
  for (const key in object) {
    if (former !== undefined && former > key) return false;
    former = key;
    if (!isOrdered(object[key] as Json)) return false;
  }
  return true;
};

/**
 * The engine writes what is in order as the RFC prescribes it, and much faster; what may not be is written member by member.
 *
 * @throws RangeError for numbers that JSON does not have and for halves of surrogate pairs
 */
export const canonicalJson = (value: Json): string => {
  if (typeof value === 'string') return canonicalText(value);
  if (typeof value !== 'object' || value === null || !isOrdered(value)) return writtenOut(value);
  const text = JSON.stringify(value);
  return escapedSurrogate.test(text) ? writtenOut(value) : text;
};

/** Member by member: only what is not in order costs more. */
const writtenOut = (value: Json): string => {
  if (typeof value === 'string') return canonicalText(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new RangeError('JSON has no such number');
    return JSON.stringify(value);
  }
  if (value === null || typeof value === 'boolean') return String(value);
  if (Array.isArray(value)) return `[${value.map((item: Json) => canonicalJson(item)).join(',')}]`;
  const object = value as { readonly [member: string]: Json };
  let text = '{';
  for (const key of orderedKeys(object)) {
    const member = object[key];
    if (member === undefined) continue;
    text += `${text.length === 1 ? '' : ','}${canonicalText(key)}:${canonicalJson(member)}`;
  }
  return `${text}}`;
};
