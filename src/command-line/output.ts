/** Whether stdout could be written. */
import type { Writable } from 'node:stream';

export interface OutputWatch {
  /** Resolves when everything has left, with the error that kept it from leaving; a closed pipe (| head) is no error. */
  flushed(): Promise<Error | undefined>;
}

/**
 * Watches from the start of the process: without a listener an error of the stream would end the process, in the middle of
 * a payment.
 */
export function watchOutput(output: Writable): OutputWatch {
  let failure: Error | undefined;
  output.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && error.code !== 'ERR_STREAM_DESTROYED') failure ??= error;
  });
  return {
    async flushed() {
      if (!output.destroyed && output.writable) await new Promise<void>((resolve) => void output.write('', () => resolve()));
      // An error of the last write is reported in the next turn of the event loop.
      await new Promise((resolve) => setImmediate(resolve));
      return failure;
    },
  };
}
