/** A workbook as the archive that it is: hashed whole, and its parts found. */
import type { SourceOptions } from '../csv/file.ts';
import { encrypted, oldWorkbook } from './faults.ts';
import { findParts, type WorkbookParts } from './parts.ts';
import { openVerified, type VerifiedFile } from './verified-file.ts';
import { openZip, zipLimits, type Zip, type ZipLimits } from './zip.ts';

export interface OpenedWorkbook {
  /** The caller closes it. */
  readonly file: VerifiedFile;
  /** @throws StructuralError */
  find(): Promise<{ readonly zip: Zip; readonly parts: WorkbookParts }>;
}

export const oldHead = /^d0cf11e0a1b11ae1/;
const headBytes = 4096;

/** @throws FileChangedError, StructuralError, or the reason of the signal */
export async function openWorkbook(
  path: string,
  options: SourceOptions & { readonly limits?: ZipLimits | undefined } = {},
): Promise<OpenedWorkbook> {
  const password = createPasswordMark();
  const file = await openVerified(path, options, password.look);
  return {
    file,
    async find() {
      const head = await file.read(0, headBytes);
      if (oldHead.test(head.toString('hex', 0, 8))) throw password.found() ? encrypted() : oldWorkbook();
      const zip = await openZip(file, options.limits ?? zipLimits);
      return { zip, parts: await findParts(zip, head) };
    },
  };
}

/** A workbook with a password is packed into the form of old ones; the name of what is in it may be anywhere. */
function createPasswordMark(): { readonly look: (block: Buffer) => void; readonly found: () => boolean } {
  const mark = Buffer.from('EncryptedPackage', 'utf16le');
  let end = Buffer.alloc(0);
  let found = false;
  return {
    look(block) {
      found ||= block.includes(mark) || Buffer.concat([end, block.subarray(0, mark.length)]).includes(mark);
      end = Buffer.from(block.subarray(-mark.length));
    },
    found: () => found,
  };
}
