import type { Json, JsonObject } from '../instruction/instruction.ts';
import type { MetadataColumn } from './row-layout.ts';

/** The nested object of a row's metadata; keys of objects are never `__proto__`, the header saw to that. */
export const nest = (columns: readonly MetadataColumn[], cells: readonly string[]): JsonObject | undefined => {
  let whole: Record<string, Json> | undefined;
  for (const { index, keys } of columns) {
    const cell = cells[index];
    if (cell === undefined || cell === '') continue;
    whole ??= {};
    let object: Record<string, Json> = whole;
    for (let depth = 0; depth < keys.length - 1; depth += 1) {
      const key = keys[depth] as string;
      if (!Object.hasOwn(object, key)) object[key] = {};
      object = object[key] as Record<string, Json>;
    }
    object[keys[keys.length - 1] as string] = cell;
  }
  return whole;
};
