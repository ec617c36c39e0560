/** Reads a request body up to a limit. */
import type { IncomingMessage } from 'node:http';

const largestBodyBytes = 1024 * 1024;
/** A larger body is read and discarded up to here, so that the sender receives the response. */
const discardedBytes = 8 * largestBodyBytes;

/** Calls back once, with the bytes or with `too-large`; never when the sender closed the connection before the end. */
export function readBody(request: IncomingMessage, done: (body: Buffer | 'too-large') => void): void {
  let chunks: Buffer[] = [];
  let bytes = 0;
  let over = false;
  const finish = (body: Buffer | 'too-large'): void => {
    if (over) return;
    over = true;
    done(body);
  };
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= largestBodyBytes) chunks.push(chunk);
    else chunks = [];
    if (bytes > discardedBytes) finish('too-large');
  });
  request.on('end', () => {
    const [only] = chunks;
    if (bytes > largestBodyBytes) finish('too-large');
    else finish(chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks, bytes));
  });
  request.on('error', () => {});
}
