/**
 * Servers that a test starts end with it, also when it is killed: a shell holds the other end of a pipe, and when
 * that closes it kills what is left and deletes this process's temporary folder.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const script = `
pids=' '
while read -r verb pid; do
  case $verb in
    keep) pids="$pids$pid " ;;
    forget) pids="\${pids%% $pid *} \${pids#* $pid }" ;;
  esac
done
for pid in $pids; do kill -KILL "$pid" 2>/dev/null; done
# They may write a little longer.
for wait in 1 2 3 4 5 6 7 8 9; do rm -rf "$1" && exit 0; sleep 0.2; done`;

let keeper: { readonly folder: string; readonly pipe: Socket } | undefined;

function ensureKeeper(): { readonly folder: string; readonly pipe: Socket } {
  if (keeper !== undefined) return keeper;
  const folder = mkdtempSync(join(tmpdir(), 'disburse-servers-'));
  // Detached, so that it outlives a signal to the whole process group.
  const shell = spawn('sh', ['-c', script, 'keeper', folder], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  const pipe = shell.stdin as Socket;
  // It must not keep the test process alive, nor end it.
  shell.unref();
  pipe.unref();
  pipe.on('error', () => undefined);
  keeper = { folder, pipe };
  return keeper;
}

/** This process dies with the test process. */
export const keep = (pid: number): void => void ensureKeeper().pipe.write(`keep ${pid}\n`);
/** This process has ended; its number may soon be somebody else's. */
export const forget = (pid: number): void => void ensureKeeper().pipe.write(`forget ${pid}\n`);

/** A folder that is gone when the test process is. */
export const temporaryFolder = (name: string): Promise<string> => mkdtemp(join(ensureKeeper().folder, `${name}-`));
