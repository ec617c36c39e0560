/**
 * The texts that cells refer to by number. A workbook of a million rows has more of them than memory should hold: beyond a few
 * MiB they are kept in a file that has no name any more.
 */
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { damaged } from './faults.ts';
import { createXmlReader, unescapeText } from './xml.ts';

export interface TextStore {
  add(text: string): void;
  /** Undefined for a number that no text has. */
  get(index: number): string | undefined;
  close(): void;
}

/** A text of a cell has at most 32,767 characters; seven may stand for one. */
const maxText = 512 * 1024;
const memoryBytes = 8 * 1024 ** 2;
const pageBytes = 64 * 1024;
const pagesKept = 64;
/** Only the place of each n-th text is remembered. */
const placesEach = 16;

/** Bytes that are appended and read again: in memory, or in the file once they are too many. */
function createPages(maxMemory: number) {
  let tail = Buffer.allocUnsafe(pageBytes);
  let tailLength = 0;
  let written = 0;
  let file: number | undefined;
  const inMemory: Buffer[] = [];
  const kept = new Map<number, Buffer>();

  const flush = (): void => {
    if ((written + 1) * pageBytes > maxMemory && file === undefined) {
      file = openUnnamed();
      for (const page of inMemory) writeSync(file, page);
      inMemory.length = 0;
    }
    if (file === undefined) inMemory.push(tail);
    else writeSync(file, tail);
    written += 1;
    tail = Buffer.allocUnsafe(pageBytes);
    tailLength = 0;
  };
  const page = (number: number): Buffer => {
    if (number === written) return tail;
    const known = inMemory[number] ?? kept.get(number);
    if (known !== undefined) return known;
    const read = Buffer.allocUnsafe(pageBytes);
    readSync(file as number, read, 0, pageBytes, number * pageBytes);
    // The page that was read first leaves first.
    if (kept.size >= pagesKept) kept.delete(kept.keys().next().value as number);
    kept.set(number, read);
    return read;
  };
  return {
    length: (): number => written * pageBytes + tailLength,
    append(bytes: Buffer): void {
      for (let from = 0; from < bytes.length;) {
        const taken = bytes.copy(tail, tailLength, from);
        tailLength += taken;
        from += taken;
        if (tailLength === pageBytes) flush();
      }
    },
    read(at: number, length: number): Buffer {
      const inPage = at % pageBytes;
      if (inPage + length <= pageBytes) return page(Math.floor(at / pageBytes)).subarray(inPage, inPage + length);
      const parts: Buffer[] = [];
      for (let from = at; from < at + length;) {
        const start = from % pageBytes;
        const part = page(Math.floor(from / pageBytes)).subarray(start, Math.min(pageBytes, start + at + length - from));
        parts.push(part);
        from += part.length;
      }
      return Buffer.concat(parts);
    },
    close(): void {
      if (file !== undefined) closeSync(file);
      file = undefined;
    },
  };
}

/** @param maxMemory how many bytes of text stay in memory */
export function createTextStore(maxMemory = memoryBytes): TextStore {
  const pages = createPages(maxMemory);
  const places: number[] = [];
  let count = 0;
  const lengthBytes = Buffer.alloc(4);
  const lengthAt = (at: number): number => pages.read(at, 4).readUInt32LE(0);
  return {
    add(text) {
      if (count % placesEach === 0) places.push(pages.length());
      count += 1;
      const bytes = Buffer.from(text);
      lengthBytes.writeUInt32LE(bytes.length);
      pages.append(lengthBytes);
      pages.append(bytes);
    },
    get(index) {
      if (!Number.isInteger(index) || index < 0 || index >= count) return undefined;
      let at = places[Math.floor(index / placesEach)] as number;
      for (let skip = index % placesEach; skip > 0; skip -= 1) at += 4 + lengthAt(at);
      return pages.read(at + 4, lengthAt(at)).toString('utf8');
    },
    close: pages.close,
  };
}

/** Readable by this process only, and gone when it ends. */
function openUnnamed(): number {
  const folder = mkdtempSync(join(tmpdir(), 'disburse-texts-'));
  const file = openSync(join(folder, 'texts'), 'wx+', 0o600);
  rmSync(folder, { recursive: true });
  return file;
}

/** @param parts the text of `sharedStrings.xml` */
export async function readSharedStrings(parts: AsyncIterable<string>, store: TextStore): Promise<void> {
  let text = '';
  let isText = false;
  let phonetic = 0;
  const reader = createXmlReader({
    open(name, _, depth) {
      if (depth === 1 && name !== 'sst') throw damaged('its texts are missing');
      if (depth === 2) text = '';
      if (name === 'rPh') phonetic += 1;
      isText = name === 't' && phonetic === 0 && depth >= 3;
    },
    close(name, depth) {
      if (name === 'rPh') phonetic -= 1;
      isText = false;
      if (name === 'si' && depth === 2) store.add(unescapeText(text));
    },
    text(more) {
      if (!isText) return;
      if (text.length + more.length > maxText) throw damaged('a text is too long');
      text += more;
    },
  });
  for await (const part of parts) reader.push(part);
  reader.end();
}
