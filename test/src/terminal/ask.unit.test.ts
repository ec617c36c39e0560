/** The question before a file is paid. */
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { ask } from '../../../src/terminal/ask.ts';

async function answered(given: string | null, signal = new AbortController().signal): Promise<{ yes: boolean; shown: string }> {
  const [input, output] = [new PassThrough(), new PassThrough()];
  const asking = ask({ input, output, text: 'Pay 3 rows?', signal });
  if (given === null) input.end();
  else input.write(given);
  const yes = await asking;
  return { yes, shown: String(output.read() ?? '') };
}

describe('a question', () => {
  it.each(['y\n', 'yes\n', ' Y \n', 'YES\r\n'])('answered with %j is a yes', async (given) => {
    expect(await answered(given)).toMatchObject({ yes: true, shown: expect.stringContaining('Pay 3 rows? [y/N] ') as string });
  });

  it.each(['n\n', '\n', 'no\n', 'ye\n', 'yes please\n', 'j\n'])('answered with %j is a no', async (given) => {
    expect((await answered(given)).yes).toBe(false);
  });

  it('without an answer, because the input ends, is a no', async () => {
    expect((await answered(null)).yes).toBe(false);
  });

  it('that a signal ends is a no', async () => {
    const stop = new AbortController();
    const input = new PassThrough();
    const asking = ask({ input, output: new PassThrough(), text: 'Pay?', signal: stop.signal });
    stop.abort();
    expect(await asking).toBe(false);
  });
});
