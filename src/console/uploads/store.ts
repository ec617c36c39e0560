/** Uploaded files, sealed, each in a folder of its own in the data folder until its batch has ended or it is discarded. */
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { openPlain, type OpenFile } from '../../../consumers/csv/file.ts';
import { makeDataDir } from '../../ledger/data-dir.ts';
import type { FileSink } from './multipart.ts';
import { createSealedUpload, openSealedUpload } from './sealed-upload.ts';

const reading = z.strictObject({
  encoding: z.string().optional(),
  delimiter: z.string().optional(),
  decimal: z.enum(['point', 'comma']).optional(),
  sheet: z.string().optional(),
  /** As it was when the file was checked: what is reviewed is what is paid, whatever becomes of the mapping of that name. */
  mapping: z.strictObject({ name: z.string(), text: z.string() }).optional(),
});
/** How the file is read, as flags of `run` say it. */
export type UploadReading = z.infer<typeof reading>;

const uploadSchema = z.strictObject({
  id: z.string(),
  name: z.string(),
  /** Absent for a file of a version that kept uploads as they were. */
  sealed: z.literal(true).optional(),
  reading,
  by: z.string(),
  at: z.string(),
  /** Its header does not fit, so it waits for a mapping; `expect` are the totals that were typed with it. */
  needsMapping: z.strictObject({ expect: z.string() }).optional(),
  /** Who has handed it over to be paid, and how; null while it is only checked. */
  handedOver: z.strictObject({ by: z.string(), at: z.string(), policy: z.enum(['skip', 'all-or-nothing']) }).nullable(),
});
export type Upload = z.infer<typeof uploadSchema>;

export interface UploadStore {
  receive(name: string): Promise<Receiving>;
  save(upload: Upload): Promise<void>;
  find(id: string): Promise<Upload | undefined>;
  list(): Promise<readonly Upload[]>;
  remove(id: string): Promise<void>;
  /** The file, and how it is opened. */
  sourceOf(upload: Pick<Upload, 'id' | 'name' | 'sealed'>): UploadSource;
}

export interface UploadSource {
  readonly path: string;
  readonly open: OpenFile;
}

/** @property bytes so far */
interface Receiving {
  readonly id: string;
  readonly name: string;
  readonly sink: FileSink;
  readonly bytes: () => number;
  /** Ends what was not received to its end, and removes it. */
  readonly abandon: () => Promise<void>;
}

export const noteName = 'upload.json';
export const uploadsFolder = (dataDir: string): string => join(dataDir, 'uploads');

/** @param ledgerKey read when it is first needed */
export function openUploads(dataDir: string, ledgerKey: () => Buffer): UploadStore {
  const folder = uploadsFolder(dataDir);
  const find = async (id: string): Promise<Upload | undefined> => {
    // Also what keeps a name such as `..` from leaving the folder.
    if (!/^[0-9a-f-]{36}$/.test(id)) return undefined;
    try {
      return uploadSchema.parse(JSON.parse(await readFile(join(folder, id, noteName), 'utf8')));
    } catch {
      return undefined;
    }
  };
  const pathOf = ({ id, name }: Pick<Upload, 'id' | 'name'>): string => join(folder, id, 'file', name);
  return {
    find,
    sourceOf: (upload) => ({
      path: pathOf(upload),
      open: upload.sealed === true ? (path) => openSealedUpload(path, { id: upload.id, ledgerKey: ledgerKey() }) : openPlain,
    }),
    async receive(given) {
      makeDataDir(dataDir);
      const [id, name] = [randomUUID(), safeName(given)];
      await mkdir(join(folder, id, 'file'), { recursive: true, mode: 0o700 });
      const sealed = await createSealedUpload(pathOf({ id, name }), { id, ledgerKey: ledgerKey() });
      let bytes = 0;
      const sink: FileSink = {
        async write(chunk) {
          bytes += chunk.length;
          await sealed.write(chunk);
        },
        end: () => sealed.end(),
      };
      const abandon = async (): Promise<void> => {
        await sealed.abandon();
        await rm(join(folder, id), { recursive: true, force: true });
      };
      return { id, name, sink, bytes: () => bytes, abandon };
    },
    async save(upload) {
      const path = join(folder, upload.id, noteName);
      await writeFile(`${path}.new`, `${JSON.stringify(upload)}\n`, { mode: 0o600, flush: true });
      await rename(`${path}.new`, path);
    },
    async list() {
      const ids = await readdir(folder).catch(() => []);
      const found = await Promise.all(ids.map(find));
      return found.filter((upload) => upload !== undefined).toSorted((one, other) => (one.at < other.at ? 1 : -1));
    },
    remove: (id) => rm(join(folder, id), { recursive: true, force: true }),
  };
}

/** The last part of a path of any system; its ending says how the file is read. */
function safeName(given: string): string {
  const name = (given.split(/[/\\]/).at(-1) ?? '').replaceAll('\0', '').trim();
  const short = Buffer.byteLength(name) <= 200 ? name : `${name.slice(0, 40)}${/\.[A-Za-z0-9.]{1,10}$/.exec(name)?.[0] ?? ''}`;
  return short === '' || short === '.' || short === '..' ? 'upload.csv' : short;
}
