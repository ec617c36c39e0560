/** How large a file is, as far as it is known before it was read. */
import { stat } from 'node:fs/promises';

/** Null for a pipe. */
export async function sizeOf(path: string): Promise<number | null> {
  const found = await stat(path);
  return found.isFile() ? found.size : null;
}

/** A pipe or a packed file says too little; what it does not say is taken for large. */
export const unpackedSize = (path: string, fileBytes: number | null): number =>
  fileBytes !== null && !/\.(?:gz|xlsx)$/i.test(path) ? fileBytes : Number.MAX_SAFE_INTEGER;
