/** The disk of the data folder. */
import { statfs } from 'node:fs/promises';

export interface Disk {
  readonly free_bytes: number;
  readonly total_bytes: number;
}

/** What this user may still write there; null where there is no such folder, or its disk does not say. */
export async function diskOf(folder: string): Promise<Disk | null> {
  try {
    const { bavail, blocks, bsize } = await statfs(folder);
    return { free_bytes: bavail * bsize, total_bytes: blocks * bsize };
  } catch {
    return null;
  }
}

const [mebibyte, gibibyte] = [2 ** 20, 2 ** 30];

const sizeText = (bytes: number): string =>
  bytes < gibibyte ? `${Math.floor(bytes / mebibyte)} MiB` : `${Math.floor((10 * bytes) / gibibyte) / 10} GiB`;

export const diskText = (disk: Disk | null): string =>
  disk === null ? 'not known' : `${sizeText(disk.free_bytes)} free of ${sizeText(disk.total_bytes)}`;

/** So much is not much: with a full disk nothing is paid. */
export const isNearlyFull = (disk: Disk | null): boolean => disk !== null && disk.free_bytes < gibibyte;
