/** One server program: started, frozen, killed, started again in the same place. Its output goes to a file. */
import { spawn, type ChildProcess } from 'node:child_process';
import { open, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { forget, keep } from './keeper.ts';

const logTailLines = 25;

export interface Program {
  /** For errors, such as `Kafka broker 1 (127.0.0.1:21000)`. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly logFile: string;
  readonly startsWithinMs: number;
  /** Asked again and again after the start; `log` is what this start has written so far. */
  readonly isReady: (log: string) => Promise<boolean>;
}

export class ServerProcess {
  readonly #program: Program;
  #child: ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();

  constructor(program: Program) {
    this.#program = program;
  }

  /** Of the running process. */
  get pid(): number {
    if (this.#child?.pid === undefined) throw new Error(`${this.#program.name} is not running`);
    return this.#child.pid;
  }

  get isRunning(): boolean {
    return this.#child !== undefined;
  }

  /** Resolves when it serves. @throws {Error} with the end of its log when it does not in time */
  async start(): Promise<void> {
    const { name, command, args, logFile, startsWithinMs, isReady } = this.#program;
    if (this.#child !== undefined) throw new Error(`${name} is running already`);
    const log = await open(logFile, 'a');
    const before = (await log.stat()).size;
    const child = spawn(command, args, { stdio: ['ignore', log.fd, log.fd] });
    let failure: Error | undefined;
    this.#ended = new Promise((resolve) => {
      const end = (): void => {
        if (child.pid !== undefined) forget(child.pid);
        if (this.#child === child) this.#child = undefined;
        resolve();
      };
      child.once('error', (cause) => {
        failure = cause;
        end();
      });
      child.once('exit', end);
    });
    this.#child = child;
    // A test that forgets it can end all the same, and it with the test.
    child.unref();
    if (child.pid !== undefined) keep(child.pid);
    await log.close();
    const written = async (): Promise<string> => (await readFile(logFile)).subarray(before).toString();
    const deadline = performance.now() + startsWithinMs;
    for (;;) {
      const text = await written();
      if (this.#child === child && (await isReady(text))) return;
      const late = performance.now() > deadline;
      if (this.#child !== child || late) {
        await this.stop('SIGKILL');
        const why = failure?.message ?? (late ? `does not serve after ${startsWithinMs / 1000} s` : 'ended at its start');
        throw new Error(`${name}: ${why}. The end of its log:\n${tail(await written())}`);
      }
      await sleep(50);
    }
  }

  /** Ends it and waits for the end; nothing when it is not running. A frozen one ends too. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (this.#child !== undefined) {
      this.#child.ref();
      this.#child.kill(signal);
      this.#child.kill('SIGCONT');
    }
    await this.#ended;
  }

  /** Freezes it: connections stay open and nothing answers. */
  pause(): void {
    process.kill(this.pid, 'SIGSTOP');
  }

  resume(): void {
    process.kill(this.pid, 'SIGCONT');
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }
}

const tail = (text: string): string => text.trimEnd().split('\n').slice(-logTailLines).join('\n');
