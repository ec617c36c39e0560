/** A form of the console: bytes to fields and a file, and words from outside to a session or a page. */
import assert from 'node:assert/strict';
import { Refusal } from '../../../src/console/access/guard.ts';
import { createLogins } from '../../../src/console/access/logins.ts';
import { createSigned } from '../../../src/console/access/signed.ts';
import { markup } from '../../../src/console/markup.ts';
import { readMultipart } from '../../../src/console/uploads/multipart.ts';
import type { Target } from '../target.ts';

const boundary = 'XyZ';
const part = (head: string, body: string): string => `--${boundary}\r\nContent-Disposition: form-data; ${head}\r\n\r\n${body}\r\n`;
const whole = `${part('name="csrf"', 'abc')}${part('name="file"; filename="may.csv"\r\nContent-Type: text/csv', 'record_id,amount\r\n1,2\r\n')}--${boundary}--\r\n`;

const signed = createSigned(Buffer.alloc(32, 7));
const logins = createLogins({ signed, consoleId: 'here', now: () => 0 });
const genuine = signed.seal('session', { name: 'alice', id: 'x', until: 1 });

export const formTarget = (): Target => ({
  name: 'form',
  share: 150,
  maxBytes: 64 * 1024,
  seeds: [whole, whole.replace('may.csv', '%22<b>\u202e.csv'), part('name="a"', 'b'), genuine, '<script>alert(1)</script>'].map((text) =>
    Buffer.from(text),
  ),
  tokens: [
    `\r\n--${boundary}`,
    `--${boundary}--`,
    '\r\n\r\n',
    '; filename="',
    'Content-Disposition: form-data; name="',
    '\u202e',
    '\u200b',
    '<',
    '"',
    genuine,
  ],
  async run(bytes) {
    await checkForm(bytes);
    const text = bytes.toString('utf8');
    if (text !== genuine) assert.equal(logins.find(text), undefined, 'what was not signed here is no session');
    assert.equal(logins.begin(text), undefined, 'what was not signed here is no login link');
    const shown = markup`<p title="${text}">${text}</p>`.toString();
    const inside = shown.slice('<p title="'.length, -'</p>'.length);
    assert.ok(!/[<]/.test(inside) && inside.split('"').length === 2, 'text from outside is text on a page');
    assert.doesNotMatch(inside, /[\u0000-\u001f\u200b-\u200f\u202a-\u202e\u2066-\u2069]/, 'no sign hides or turns text');
  },
  close: () => undefined,
});

/** However the bytes come in pieces, what is found is the same, and no more than there was. */
async function checkForm(bytes: Buffer): Promise<void> {
  const [one, other] = [await read(bytes, bytes.length + 1), await read(bytes, 7)];
  assert.deepEqual(other, one, 'pieces of any size give the same form');
  assert.ok(one.files.reduce((sum, { length }) => sum + length, 0) <= bytes.length);
}

interface Found {
  readonly fields: [string, string][];
  readonly files: Buffer[];
  code: string | null;
}

async function read(bytes: Buffer, size: number): Promise<Found> {
  const found: Found = { fields: [], files: [], code: null };
  const pieces = async function* (): AsyncGenerator<Buffer> {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  };
  try {
    await readMultipart(pieces(), boundary, {
      field: (name, value) => void found.fields.push([name, value]),
      async file() {
        const chunks: Buffer[] = [];
        return {
          write: async (chunk) => void chunks.push(Buffer.from(chunk)),
          end: async () => void found.files.push(Buffer.concat(chunks)),
        };
      },
    });
  } catch (cause) {
    assert.ok(cause instanceof Refusal && cause.status < 500, `a broken form is refused: ${String(cause)}`);
    found.code = cause.code;
  }
  return found;
}
