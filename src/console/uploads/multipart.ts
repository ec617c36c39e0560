/** Forms with a file (multipart/form-data, RFC 7578), read as they come: a file of any size passes through without being kept. */
import { Refusal } from '../access/guard.ts';

/** Where the bytes of a file go. */
export interface FileSink {
  write(chunk: Buffer): Promise<void>;
  end(): Promise<void>;
}

export interface FormSink {
  field(name: string, value: string): void;
  /** @param fileName as the browser gives it, in whatever form */
  file(name: string, fileName: string): Promise<FileSink>;
}

const mostHeader = 8 * 1024;
const mostField = 16 * 1024;
const mostParts = 32;

const broken = (): Refusal => new Refusal(400, 'form_broken', 'The form is not complete. Load the page again, and repeat what you did.');

/** @throws {Refusal} for a content type that is another one */
export function boundaryOf(contentType: string): string {
  const match = /^multipart\/form-data\s*;(?:.*;)?\s*boundary=(?:"([^"]{1,200})"|([^\s;"]{1,200}))/i.exec(contentType);
  const boundary = match?.[1] ?? match?.[2];
  if (boundary === undefined) throw new Refusal(400, 'no_form', 'Expected a form with a file (multipart/form-data).');
  return boundary;
}

/** @throws {Refusal} for a form that is cut or not one */
export async function readMultipart(body: AsyncIterable<Uint8Array>, boundary: string, sink: FormSink): Promise<void> {
  const reader = createReader(body);
  const delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1');
  // The first one has no line before it.
  reader.push(Buffer.from('\r\n'));
  await reader.upTo(delimiter, async () => undefined);
  for (let parts = 0; ; parts += 1) {
    const next = (await reader.take(2)).toString('latin1');
    if (next === '--') return;
    if (next !== '\r\n' || parts >= mostParts) throw broken();
    const header = await collect(reader, Buffer.from('\r\n\r\n'), mostHeader);
    const { name, fileName } = dispositionOf(header);
    if (fileName === undefined) {
      const value = await collect(reader, delimiter, mostField);
      sink.field(name, value);
    } else {
      const file = await sink.file(name, fileName);
      await reader.upTo(delimiter, (chunk) => file.write(chunk));
      await file.end();
    }
  }
}

type Reader = ReturnType<typeof createReader>;

function createReader(body: AsyncIterable<Uint8Array>) {
  const chunks = body[Symbol.asyncIterator]();
  let held: Buffer = Buffer.alloc(0);
  const more = async (): Promise<void> => {
    const next = await chunks.next();
    if (next.done === true) throw broken();
    held = held.length === 0 ? Buffer.from(next.value) : Buffer.concat([held, next.value]);
  };
  return {
    push(bytes: Buffer): void {
      held = Buffer.concat([held, bytes]);
    },
    async take(count: number): Promise<Buffer> {
      while (held.length < count) await more();
      const taken = held.subarray(0, count);
      held = held.subarray(count);
      return taken;
    },
    /** Hands out what is before the mark, and passes the mark. */
    async upTo(mark: Buffer, out: (chunk: Buffer) => Promise<void>): Promise<void> {
      for (;;) {
        const at = held.indexOf(mark);
        if (at >= 0) {
          if (at > 0) await out(held.subarray(0, at));
          held = held.subarray(at + mark.length);
          return;
        }
        // The mark may start at the end of what is held.
        const sure = held.length - mark.length + 1;
        if (sure > 0) {
          await out(held.subarray(0, sure));
          held = held.subarray(sure);
        }
        await more();
      }
    },
  };
}

async function collect(reader: Reader, mark: Buffer, most: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  await reader.upTo(mark, async (chunk) => {
    bytes += chunk.length;
    if (bytes > most) throw new Refusal(413, 'form_too_large', `A field has at most ${most} bytes.`);
    chunks.push(Buffer.from(chunk));
  });
  return Buffer.concat(chunks).toString('utf8');
}

/** Browsers write `"` and line breaks in names as %22, %0D and %0A. */
function dispositionOf(header: string): { readonly name: string; readonly fileName: string | undefined } {
  const line = header.split('\r\n').find((one) => /^content-disposition\s*:/i.test(one)) ?? '';
  const parameter = (name: string): string | undefined =>
    new RegExp(`[;\\s]${name}="([^"]*)"`, 'i').exec(line)?.[1]?.replace(/%22/g, '"').replace(/%0D/gi, '\r').replace(/%0A/gi, '\n');
  const name = parameter('name');
  if (!/^content-disposition\s*:\s*form-data\s*;/i.test(line) || name === undefined) throw broken();
  return { name, fileName: parameter('filename') };
}
