/** A question to a person at a terminal. */
import { createInterface } from 'node:readline/promises';
import type { Readable, Writable } from 'node:stream';

export interface Question {
  readonly input: Readable;
  readonly output: Writable;
  readonly text: string;
  /** Aborted: the answer is no. */
  readonly signal: AbortSignal;
}

/** Only `y` and `yes` are a yes; everything else, Ctrl-C and the end of the input are a no. */
export async function ask({ input, output, text, signal }: Question): Promise<boolean> {
  const lines = createInterface({ input, output });
  const ended = new AbortController();
  const end = (): void => ended.abort();
  lines.once('close', end);
  lines.once('SIGINT', end);
  try {
    const answer = await lines.question(`${text} [y/N] `, { signal: AbortSignal.any([signal, ended.signal]) });
    return /^\s*y(?:es)?\s*$/i.test(answer);
  } catch (cause) {
    if (!signal.aborted && !ended.signal.aborted) throw cause;
    output.write('\n');
    return false;
  } finally {
    lines.close();
  }
}
