/**
 * Who handles which file, told by files in `processing/`, so that instances on several machines need nothing but the
 * folder they share.
 *
 * `<name>.claim` is made with O_EXCL, so one instance gets it, on network file systems too. Whoever holds it writes
 * to it every few seconds; one that was not written for long is an inheritance. It is never replaced or renamed,
 * which a late comer could do to a fresh claim of somebody else: the heir makes `<name>.claim.<token of the dead
 * one>`, again with O_EXCL. Tokens are never used twice, so every claim has at most one heir, and the last of the
 * chain is the holder.
 *
 * Ages are times of the file system compared with a time of the same file system; the clocks of machines do not
 * matter. Files are opened, not only looked at, because opening is what makes a network file system ask its server.
 */
import { createHash } from 'node:crypto';
import { open, stat, unlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../batches/ports/clock.ts';
import type { Random } from '../../batches/ports/random.ts';

export interface Lease {
  readonly token: string;
  /** Tokens of those who held it before and let it grow old, the latest last. */
  readonly previousTokens: readonly string[];
  /** Makes it young again. False when it is somebody else's by now; rejects when that cannot be told. */
  keep(): Promise<boolean>;
  /** Rejects when it cannot be told. */
  isOurs(): Promise<boolean>;
  /** Gives the name free, unless it is somebody else's by now. */
  release(): Promise<void>;
}

export interface Leases {
  /** Undefined when somebody holds it. Rejects with errors of the file system. */
  acquire(name: string): Promise<Lease | undefined>;
  /** Removes an heir's claim that hangs on nothing any more: its holder died while it gave the name free. */
  removeOrphan(entry: string): Promise<void>;
}

/**
 * @property folder where the claims lie; it must exist
 * @property owner the id of this instance, for people who look into a claim
 * @property takeOverMs after how long without a sign of life a claim passes on
 */
export interface ClaimsOptions {
  readonly folder: string;
  readonly owner: string;
  readonly host: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly takeOverMs: number;
}

/** Nobody dies this often over one file. */
const maxPreviousTokens = 1_000;

interface Link {
  readonly path: string;
  readonly token: string;
  readonly writtenAt: number;
}

const claimName = (name: string): string => `${name}.claim`;

/** What a name in `processing/` is a claim on, and whether it is an heir's; undefined when it is no claim. */
export function readClaimName(entry: string): { readonly name: string; readonly isTakeover: boolean } | undefined {
  const found = /^(.+)\.claim(\.(?:[0-9a-f]{16}|unwritten-\d+))?$/.exec(entry);
  return found?.[1] === undefined ? undefined : { name: found[1], isTakeover: found[2] !== undefined };
}

export function createLeases({ folder, owner, host, clock, random, takeOverMs }: ClaimsOptions): Leases {
  let made = 0;
  const newToken = (): string => {
    made += 1;
    const seed = [owner, host, process.pid, clock.now(), random(), random(), made].join(' ');
    return createHash('sha256').update(seed).digest('hex').slice(0, 16);
  };

  // An old time of the file system only makes claims seem younger.
  const timeKeptMs = takeOverMs / 10;
  let time: { readonly value: number; readonly at: number } | undefined;
  const fileSystemTime = async (): Promise<number> => {
    const at = clock.now();
    if (time === undefined || at - time.at > timeKeptMs || at < time.at) {
      const path = join(folder, `.time-${newToken()}`);
      const file = await open(path, 'wx', 0o600);
      try {
        await file.write('.');
        await file.sync();
        time = { value: (await file.stat()).mtimeMs, at };
      } finally {
        await file.close();
        await unlink(path);
      }
    }
    return time.value;
  };

  const chainOf = async (name: string): Promise<readonly Link[]> => {
    const root = join(folder, claimName(name));
    const chain: Link[] = [];
    for (let path = root; chain.length < maxPreviousTokens;) {
      const found = await readLink(path, `unwritten-${chain.length}`);
      if (found === undefined) return chain;
      chain.push(found);
      path = `${root}.${found.token}`;
    }
    throw new Error(`${root} was taken over ${maxPreviousTokens} times. Look at what stops disburse on this file, and remove its claims.`);
  };

  const holds = async (name: string, token: string): Promise<boolean> => {
    const chain = await chainOf(name);
    // A whole folder that is away for a moment tells nothing about the claim in it.
    if (chain.length === 0) await stat(folder);
    return chain.at(-1)?.token === token;
  };

  return {
    async acquire(name) {
      const chain = await chainOf(name);
      const last = chain.at(-1);
      if (last !== undefined && (await fileSystemTime()) - last.writtenAt <= takeOverMs) return undefined;
      const root = join(folder, claimName(name));
      const token = newToken();
      const path = last === undefined ? root : `${root}.${last.token}`;
      const told = Buffer.from(`${JSON.stringify({ token, owner, host, pid: process.pid, time: new Date(clock.now()).toISOString() })}\n`);
      const file = await create(path, told);
      if (file === undefined) return undefined;
      const leave = async (paths: readonly string[]): Promise<void> => {
        await file.close();
        for (const one of paths) await unlinkIfThere(one);
      };
      // The one that let it grow old may have given it back meanwhile: then this hangs on no chain any more.
      const ours = await holds(name, token).catch(async (cause: unknown) => {
        await leave([path]);
        throw cause;
      });
      if (!ours) {
        await leave([path]);
        return undefined;
      }
      return {
        token,
        previousTokens: chain.map((link) => link.token),
        async keep() {
          // Written through what was opened: this can never touch somebody else's claim.
          const failure = await write(file, told).then(
            () => undefined,
            (cause: unknown) => cause as Error,
          );
          const ours = await holds(name, token);
          if (ours && failure !== undefined) throw failure;
          return ours;
        },
        isOurs: () => holds(name, token),
        async release() {
          const ours = await holds(name, token).catch(async (cause: unknown) => {
            await file.close();
            throw cause;
          });
          // The root first: with it the whole chain is gone.
          await leave(ours ? [...chain.map((link) => link.path), path] : []);
        },
      };
    },
    async removeOrphan(entry) {
      const found = readClaimName(entry);
      if (found?.isTakeover !== true) return;
      // The root is the first that is made and the first that goes, and a later root has another token.
      const root = await readLink(join(folder, claimName(found.name)), '');
      if (root === undefined) await unlinkIfThere(join(folder, entry));
    },
  };
}

async function readLink(path: string, tokenIfNone: string): Promise<Link | undefined> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (cause) {
    if (isCode(cause, 'ENOENT')) return undefined;
    throw cause;
  }
  try {
    const { mtimeMs } = await file.stat();
    return { path, token: tokenIn(await file.readFile('utf8')) ?? tokenIfNone, writtenAt: mtimeMs };
  } finally {
    await file.close();
  }
}

/** It becomes part of a path: nothing but what we write ourselves is taken. Undefined while it is being written. */
const tokenIn = (text: string): string | undefined => /^\{"token":"([0-9a-f]{16})",/.exec(text)?.[1];

/** Undefined when it exists. */
async function create(path: string, content: Buffer): Promise<FileHandle | undefined> {
  let file: FileHandle;
  try {
    file = await open(path, 'wx', 0o600);
  } catch (cause) {
    if (isCode(cause, 'EEXIST')) return undefined;
    throw cause;
  }
  try {
    await write(file, content);
    return file;
  } catch (cause) {
    await file.close();
    await unlinkIfThere(path);
    throw cause;
  }
}

/** Always from the beginning. The server's time is set by a write; setting times by hand would take this machine's. */
async function write(file: FileHandle, content: Buffer): Promise<void> {
  await file.write(content, 0, content.length, 0);
  await file.sync();
}

export async function unlinkIfThere(path: string): Promise<void> {
  await unlink(path).catch((cause: unknown) => {
    if (!isCode(cause, 'ENOENT')) throw cause;
  });
}

export const isCode = (cause: unknown, ...codes: readonly string[]): boolean =>
  cause instanceof Error && codes.includes((cause as NodeJS.ErrnoException).code ?? '');
