/**
 * Which instance handles which file, as files in `processing/` say, so that instances on several machines need nothing
 * but the folder they share.
 *
 * `<name>.claim` is made with O_EXCL, so one instance gets it, on network file systems too. Its holder writes to it
 * every few seconds; a lease without a heartbeat for `takeOverMs` can be taken over. It is never replaced or renamed,
 * which could hit a fresh lease of another instance: the next holder makes `<name>.claim.<token of the former one>`,
 * again with O_EXCL. Tokens are never used twice, so every lease has at most one successor, and the last of the chain
 * is the holder.
 *
 * Ages are times of the file system compared with a time of the same file system; the clocks of machines do not
 * matter. Files are opened, not only looked at, because opening is what makes a network file system ask its server.
 */
import { createHash } from 'node:crypto';
import { open, stat, unlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { maxPreviousTokens, mayTakeOver, type LeaseLink } from '../../batches/pipeline/drop-folder/arrival-rules.ts';
import type { Clock } from '../../batches/ports/clock.ts';
import type { Random } from '../../batches/ports/random.ts';

export interface Lease {
  readonly token: string;
  /** Tokens of former holders that let it grow old, the latest last. */
  readonly previousTokens: readonly string[];
  /** A heartbeat. False when it is another instance's by now; rejects when that cannot be found out. */
  keep(): Promise<boolean>;
  /** Rejects when it cannot be found out. */
  isOurs(): Promise<boolean>;
  /** Releases the name, unless it is another instance's by now. */
  release(): Promise<void>;
}

export interface Leases {
  /** Undefined while another instance holds it. Rejects with errors of the file system. */
  acquire(name: string): Promise<Lease | undefined>;
  /** Removes a successor's claim without a root: its holder died while it released the name. */
  removeOrphan(entry: string): Promise<void>;
}

/**
 * @property folder where the claims are; it must exist
 * @property owner the id of this instance, for people who look into a claim
 * @property takeOverMs after how long without a sign of life a claim passes on
 */
export interface LeasesOptions {
  readonly folder: string;
  readonly owner: string;
  readonly host: string;
  readonly pid: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly takeOverMs: number;
}

interface Link extends LeaseLink {
  readonly path: string;
}

const claimName = (name: string): string => `${name}.claim`;

/** What a name in `processing/` is a claim on, and whether it took over a former one; undefined when it is no claim. */
export function readClaimName(entry: string): { readonly name: string; readonly isTakeover: boolean } | undefined {
  const found = /^(.+)\.claim(\.(?:[0-9a-f]{16}|unwritten-\d+))?$/.exec(entry);
  return found?.[1] === undefined ? undefined : { name: found[1], isTakeover: found[2] !== undefined };
}

export function createLeases(options: LeasesOptions): Leases {
  const { folder, takeOverMs } = options;
  const newToken = createTokens(options);
  const fileSystemTime = createFileSystemTime(options, newToken);
  return {
    async acquire(name) {
      const chain = await chainOf(folder, name);
      if (chain.length > 0 && !mayTakeOver(chain, await fileSystemTime(), takeOverMs)) return undefined;
      return createLease(options, { name, chain, token: newToken() });
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

/** Tokens that are never used twice. */
function createTokens({ owner, host, pid, clock, random }: LeasesOptions): () => string {
  let made = 0;
  return () => {
    made += 1;
    const seed = [owner, host, pid, clock.now(), random(), random(), made].join(' ');
    return createHash('sha256').update(seed).digest('hex').slice(0, 16);
  };
}

/** The file system's own time. An old reading only makes leases seem younger. */
function createFileSystemTime({ folder, clock, takeOverMs }: LeasesOptions, newToken: () => string): () => Promise<number> {
  const keptMs = takeOverMs / 10;
  let time: { readonly value: number; readonly at: number } | undefined;
  return async () => {
    const at = clock.now();
    if (time === undefined || at - time.at > keptMs || at < time.at) {
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
}

async function chainOf(folder: string, name: string): Promise<readonly Link[]> {
  const root = join(folder, claimName(name));
  const chain: Link[] = [];
  for (let path = root; chain.length < maxPreviousTokens;) {
    const found = await readLink(path, `unwritten-${chain.length}`);
    if (found === undefined) return chain;
    chain.push(found);
    path = `${root}.${found.token}`;
  }
  throw new Error(`${root} was taken over ${maxPreviousTokens} times. Find out why disburse stops at this file, then remove its claims.`);
}

async function holds(folder: string, name: string, token: string): Promise<boolean> {
  const chain = await chainOf(folder, name);
  // A whole folder that is away for a moment says nothing about the lease in it.
  if (chain.length === 0) await stat(folder);
  return chain.at(-1)?.token === token;
}

interface NewLease {
  readonly name: string;
  /** Those who held it before. */
  readonly chain: readonly Link[];
  readonly token: string;
}

/** Undefined when another instance was faster. */
async function createLease(
  { folder, owner, host, pid, clock }: LeasesOptions,
  { name, chain, token }: NewLease,
): Promise<Lease | undefined> {
  const last = chain.at(-1);
  const root = join(folder, claimName(name));
  const path = last === undefined ? root : `${root}.${last.token}`;
  const content = Buffer.from(`${JSON.stringify({ token, owner, host, pid, time: new Date(clock.now()).toISOString() })}\n`);
  const file = await create(path, content);
  if (file === undefined) return undefined;
  const close = async (paths: readonly string[]): Promise<void> => {
    await file.close();
    for (const one of paths) await unlinkIfThere(one);
  };
  const isOurs = (): Promise<boolean> => holds(folder, name, token);
  // The one that let it grow old may have given it back meanwhile: then this belongs to no chain any more.
  const ours = await isOurs().catch(async (cause: unknown) => {
    await close([path]);
    throw cause;
  });
  if (!ours) {
    await close([path]);
    return undefined;
  }
  return {
    token,
    previousTokens: chain.map((link) => link.token),
    async keep() {
      // Written through what was opened: this can never touch another instance's lease.
      const failure = await write(file, content).then(
        () => undefined,
        (cause: unknown) => cause as Error,
      );
      const isStillOurs = await isOurs();
      if (isStillOurs && failure !== undefined) throw failure;
      return isStillOurs;
    },
    isOurs,
    async release() {
      const isStillOurs = await isOurs().catch(async (cause: unknown) => {
        await file.close();
        throw cause;
      });
      // The root first: with it the whole chain is gone.
      await close(isStillOurs ? [...chain.map((link) => link.path), path] : []);
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
