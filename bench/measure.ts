/**
 * What a process costs, for any program on Linux, without its help.
 *
 * CPU: the kernel adds the times of a child, with all its threads, to its parent's `cutime` and `cstime` when it is
 * reaped; the difference across a child's end is exactly its own, to 10 ms. Peak memory: `VmHWM`, the high-water mark
 * that the kernel keeps, read every 20 ms; growth in the last 20 ms of a process is not seen. What else the machine did
 * meanwhile is /proc/stat less all that is accounted for.
 */
import { readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { ended, startChild } from './children.ts';

/** USER_HZ, which is 100 on every Linux that Node runs on. */
const ticksPerSecond = 100;
const pollMs = 20;

/** Fields of /proc/PID/stat, counted from after the command's name, which may hold anything. */
const field = { userTicks: 11, systemTicks: 12, childrenUserTicks: 13, childrenSystemTicks: 14 } as const;

function cpuSeconds(pid: number | 'self', ...fields: readonly number[]): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const values = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return fields.reduce((sum, index) => sum + Number(values[index]), 0) / ticksPerSecond;
}

/** User and system CPU of a process that goes on running, since it began. */
export const cpuOfServer = (pid: number): number => cpuSeconds(pid, field.userTicks, field.systemTicks);

/** The same of a process with the children that it has and those that it reaped: Postgres is a process for each connection. */
export function cpuOfFamily(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim();
  const own = cpuSeconds(pid, field.userTicks, field.systemTicks, field.childrenUserTicks, field.childrenSystemTicks);
  return (children === '' ? [] : children.split(' ')).reduce((sum, child) => sum + cpuIfThere(Number(child)), own);
}

/** A child that ends in between is counted with its parent's next time. */
function cpuIfThere(pid: number): number {
  try {
    return cpuOfServer(pid);
  } catch {
    return 0;
  }
}

/** CPU of the whole machine since it started, of all processes. */
function cpuOfMachine(): number {
  const [user = 0, nice = 0, system = 0, _idle, _wait, irq = 0, softirq = 0, steal = 0] = readFileSync('/proc/stat', 'latin1')
    .slice('cpu'.length, 1000)
    .trimStart()
    .split(' ', 8)
    .map(Number);
  return (user + nice + system + irq + softirq + steal) / ticksPerSecond;
}

export const cpuOfSelf = (): number => cpuSeconds('self', field.userTicks, field.systemTicks);

const cpuOfEndedChildren = (): number => cpuSeconds('self', field.childrenUserTicks, field.childrenSystemTicks);

/** CPU of everybody on the machine but the benchmark's own process, since it started. */
export const cpuOfAllButSelf = (): number => cpuOfMachine() - cpuOfSelf();

function peakKib(pid: number): number {
  try {
    return kibOf(pid, 'VmHWM');
  } catch {
    // It has ended.
    return 0;
  }
}

/** `VmRSS` is what a process holds now, `VmHWM` the most that it ever held. */
function kibOf(pid: number, name: 'VmRSS' | 'VmHWM'): number {
  const [, kib] = new RegExp(`${name}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? [];
  return Number(kib ?? 0);
}

/** MiB that a process that goes on running holds now. */
export const rssMibOfServer = (pid: number): number => kibOf(pid, 'VmRSS') / 1024;
/** The most that it ever held. */
export const peakMibOfServer = (pid: number): number => kibOf(pid, 'VmHWM') / 1024;

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}

export interface Measured {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
  /** CPU that everybody else on the machine used meanwhile, but the benchmark itself. */
  readonly restSeconds: number;
  readonly peakMib: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly measured: Promise<Measured>;
  /** `kill -9`, to the whole process group. */
  kill(): void;
}

/** Nothing of the developer's own environment reaches a contender but what finds programs and places. */
export const inherited = (): Record<string, string> =>
  Object.fromEntries(['PATH', 'HOME', 'TMPDIR'].flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])));

const textOf = (stream: Readable | null): { text: string } => {
  const held = { text: '' };
  stream?.setEncoding('utf8').on('data', (chunk: string) => (held.text += chunk));
  return held;
};

/** Starts and measures. One child at a time, or their CPU would be counted together. */
export function start({ program, args, env, cwd }: Command): Running {
  const cpuBefore = cpuOfEndedChildren();
  const restBefore = cpuOfAllButSelf();
  const startedAt = performance.now();
  const child = startChild(program, args, { env: { ...inherited(), ...env }, cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  const stdout = textOf(child.stdout);
  const stderr = textOf(child.stderr);
  let peak = 0;
  let endedAt = 0;
  const poll = setInterval(() => {
    if (child.pid !== undefined) peak = Math.max(peak, peakKib(child.pid));
  }, pollMs);
  child.once('exit', () => (endedAt = performance.now()));
  return {
    measured: ended(child)
      .finally(() => clearInterval(poll))
      .then(({ code, signal }) => {
        const own = cpuOfEndedChildren() - cpuBefore;
        return {
          code,
          signal,
          wallSeconds: (endedAt - startedAt) / 1000,
          cpuSeconds: own,
          restSeconds: cpuOfAllButSelf() - restBefore - own,
          peakMib: peak / 1024,
          stdout: stdout.text,
          stderr: stderr.text,
        };
      }),
    kill() {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    },
  };
}

/** Runs to the end; a contender that fails ends the benchmark, unless its exit code is one that was expected. */
export async function run(command: Command, expected: readonly number[] = [0]): Promise<Measured> {
  const measured = await start(command).measured;
  if (measured.code === null || !expected.includes(measured.code)) {
    const end = measured.signal ?? `exit ${measured.code}`;
    throw new Error(
      `${[command.program, ...command.args].join(' ')}: ${end}\n${measured.stderr.slice(-4000)}${measured.stdout.slice(-1000)}`,
    );
  }
  return measured;
}
