/**
 * The parts of a workbook, unpacked within bounds. The package that reads workbooks allocates what a zip says of itself
 * and fills every gap between cells, so it is handed a zip that is written here: stored, of known size, without gaps.
 */
import { promisify } from 'node:util';
import { crc32, inflateRaw } from 'node:zlib';
import { structural, type StructuralError } from '../csv/structural-error.ts';

export interface WorkbookLimits {
  /** Of all parts together, unpacked. */
  readonly maxBytes: number;
  /** Rows times columns of one sheet. */
  readonly maxCells: number;
}

/** The package needs about twenty times as much memory as the parts are long; CSV needs none that grows with the rows' text. */
export const workbookLimits: WorkbookLimits = { maxBytes: 64 * 1024 ** 2, maxCells: 5_000_000 };

export interface WorkbookPart {
  readonly name: string;
  readonly bytes: Buffer;
}

const [endSignature, entrySignature, localSignature] = [0x06054b50, 0x02014b50, 0x04034b50];
const [endBytes, entryBytes, localBytes] = [22, 46, 30];
const maxComment = 65_535;
const maxEntries = 1_000;
const unpack = promisify<Buffer, object, Buffer>(inflateRaw);

const damaged = (): StructuralError =>
  structural(1, 'workbook_damaged', 'The workbook is damaged or was truncated in transfer: download it again.');
const encrypted = (): StructuralError =>
  structural(1, 'workbook_encrypted', 'The workbook is protected by a password: save it without one, or use the CSV form of the report.');
const tooLarge = (): StructuralError =>
  structural(1, 'workbook_too_large', 'The workbook unpacks to more than a report may have: use the CSV form of the report.');

/** What begins like an old workbook: one, or a new one with a password. */
export function refuseOldWorkbook(bytes: Buffer): StructuralError {
  if (bytes.includes(Buffer.from('EncryptedPackage', 'utf16le'))) return encrypted();
  return structural(1, 'workbook_old', 'This is an old Excel workbook (.xls): save it as .xlsx, or use the CSV form of the report.');
}

/** @throws StructuralError when it is damaged, has a password, or unpacks to more than the limits allow */
export async function readParts(zip: Buffer, limits: WorkbookLimits = workbookLimits): Promise<readonly WorkbookPart[]> {
  const parts = new Map<string, WorkbookPart>();
  let left = limits.maxBytes;
  try {
    for (const entry of entriesOf(zip)) {
      if (!/\.(?:xml|rels)$/i.test(entry.name)) continue;
      const bytes = await contentOf(zip, entry, left);
      if (crc32(bytes) !== entry.crc || parts.has(entry.name)) throw damaged();
      left -= bytes.length;
      parts.set(entry.name, { name: entry.name, bytes });
    }
  } catch (error) {
    // Of a place outside of the file.
    throw error instanceof RangeError ? damaged() : error;
  }
  for (const { bytes } of parts.values()) checkPlaces(bytes, limits);
  return [...parts.values()];
}

interface Entry {
  readonly name: string;
  readonly method: number;
  readonly crc: number;
  readonly packedBytes: number;
  readonly localAt: number;
}

function entriesOf(zip: Buffer): readonly Entry[] {
  const tail = zip.subarray(Math.max(0, zip.length - endBytes - maxComment));
  const signature = Buffer.alloc(4);
  signature.writeUInt32LE(endSignature);
  const end = tail.lastIndexOf(signature);
  if (end === -1) throw damaged();
  const count = tail.readUInt16LE(end + 10);
  if (count > maxEntries) throw tooLarge();
  const entries: Entry[] = [];
  for (let at = tail.readUInt32LE(end + 16), index = 0; index < count; index += 1) {
    if (zip.readUInt32LE(at) !== entrySignature) throw damaged();
    if ((zip.readUInt16LE(at + 8) & 1) === 1) throw encrypted();
    const nameLength = zip.readUInt16LE(at + 28);
    entries.push({
      name: zip.toString('utf8', at + entryBytes, at + entryBytes + nameLength),
      method: zip.readUInt16LE(at + 10),
      crc: zip.readUInt32LE(at + 16),
      packedBytes: zip.readUInt32LE(at + 20),
      localAt: zip.readUInt32LE(at + 42),
    });
    at += entryBytes + nameLength + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
  }
  return entries;
}

async function contentOf(zip: Buffer, { method, packedBytes, localAt }: Entry, left: number): Promise<Buffer> {
  if (zip.readUInt32LE(localAt) !== localSignature) throw damaged();
  const start = localAt + localBytes + zip.readUInt16LE(localAt + 26) + zip.readUInt16LE(localAt + 28);
  const packed = zip.subarray(start, start + packedBytes);
  if (packed.length < packedBytes || (method !== 0 && method !== 8)) throw damaged();
  if (method === 0) {
    if (packed.length > left) throw tooLarge();
    return packed;
  }
  try {
    return await unpack(packed, { maxOutputLength: Math.max(left, 1) });
  } catch (error) {
    throw error instanceof RangeError ? tooLarge() : damaged();
  }
}

// An attribute's value has no `<` in it, so that a quote that is never closed ends there.
const placed = /<(?:[\w.-]+:)?(row|c)(?=[\s/>])((?:[^<>"']|"[^"<]*"|'[^'<]*')*)>/g;
const place = /(?:^|\s)r\s*=\s*["']([^"'<]*)["']/;

/** The reader fills all gaps in rows and columns, so that one cell far away would cost as much as a full sheet. */
function checkPlaces(bytes: Buffer, { maxCells }: WorkbookLimits): void {
  if (!bytes.includes('sheetData')) return;
  let rows = 1;
  let columns = 1;
  for (const [, , attributes = ''] of bytes.toString('latin1').matchAll(placed)) {
    const value = place.exec(attributes)?.[1];
    if (value === undefined) continue;
    const [, letters, digits] = /^([A-Z]{0,3})(\d{1,7})$/.exec(value) ?? [];
    if (letters === undefined || digits === undefined) throw damaged();
    rows = Math.max(rows, Number(digits));
    columns = Math.max(
      columns,
      [...letters].reduce((column, letter) => column * 26 + letter.charCodeAt(0) - 64, 0),
    );
  }
  if (rows * columns > maxCells) throw tooLarge();
}

/** The parts as a zip of their own, without compression. */
export function packParts(parts: readonly WorkbookPart[]): Buffer {
  const files: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const { name, bytes } of parts) {
    const nameBytes = Buffer.from(name);
    // From the version to the length of the extra field: the same in both headers.
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt32LE(crc32(bytes), 10);
    common.writeUInt32LE(bytes.length, 14);
    common.writeUInt32LE(bytes.length, 18);
    common.writeUInt16LE(nameBytes.length, 22);
    const local = Buffer.alloc(4);
    local.writeUInt32LE(localSignature);
    const entry = Buffer.alloc(6);
    entry.writeUInt32LE(entrySignature);
    entry.writeUInt16LE(20, 4);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(at, 10);
    files.push(local, common, nameBytes, bytes);
    directory.push(entry, common, rest, nameBytes);
    at += localBytes + nameBytes.length + bytes.length;
  }
  const end = Buffer.alloc(endBytes);
  end.writeUInt32LE(endSignature);
  end.writeUInt16LE(parts.length, 8);
  end.writeUInt16LE(parts.length, 10);
  end.writeUInt32LE(
    directory.reduce((sum, { length }) => sum + length, 0),
    12,
  );
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...files, ...directory, end]);
}
