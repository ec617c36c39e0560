/** How many of the accounts of a payout file can be read in what a contender left on disk. */
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** As the benchmark's files have them: by country, without blanks. */
const iban = /DE\d{20}|NL\d{2}[A-Z]{4}\d{10}|AT\d{18}|BE\d{14}/g;
const longest = 22;

export const ibansOf = (text: string): ReadonlySet<string> => new Set(text.match(iban));

/** The ones of `wanted` that are somewhere in the bytes of these folders' files, also across the blocks in which they are read. */
export async function readableIbans(folders: readonly string[], wanted: ReadonlySet<string>): Promise<number> {
  const found = new Set<string>();
  for (const folder of folders) {
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) await searchFile(join(entry.parentPath, entry.name), wanted, found);
    }
  }
  return found.size;
}

async function searchFile(path: string, wanted: ReadonlySet<string>, found: Set<string>): Promise<void> {
  let tail = '';
  for await (const chunk of createReadStream(path, { encoding: 'latin1', highWaterMark: 1 << 20 }) as AsyncIterable<string>) {
    const text = tail + chunk;
    for (const [one] of text.matchAll(iban)) if (wanted.has(one)) found.add(one);
    tail = text.slice(-longest);
  }
}
