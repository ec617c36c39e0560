import { describe, expect, it } from 'vitest';
import { boundaryOf, readMultipart } from '../../../src/console/uploads/multipart.ts';

async function read(text: string | Buffer, size: number) {
  const bytes = Buffer.from(text);
  const [fields, files]: [Record<string, string>, Record<string, Buffer>] = [{}, {}];
  const pieces = async function* () {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  };
  await readMultipart(pieces(), 'XX', {
    field: (name, value) => void (fields[name] = value),
    async file(name, fileName) {
      const chunks: Buffer[] = [];
      return {
        write: async (chunk) => void chunks.push(Buffer.from(chunk)),
        end: async () => void (files[`${name}:${fileName}`] = Buffer.concat(chunks)),
      };
    },
  });
  return { fields, files };
}

const content = Buffer.from([0, 13, 10, 45, 45, 88, 13, 10, 255, 13, 10, 45, 45]);
const form = Buffer.concat([
  Buffer.from(
    '--XX\r\nContent-Disposition: form-data; name="csrf"\r\n\r\nabc\r\n--XX\r\nContent-Disposition: form-data; name="file"; filename="a%22b.csv"\r\nContent-Type: text/csv\r\n\r\n',
  ),
  content,
  Buffer.from('\r\n--XX--\r\n'),
]);

describe('a form with a file', () => {
  it.each([1, 2, 3, 7, 1000])('that comes in pieces of %i bytes gives its fields and the exact bytes of the file', async (size) => {
    expect(await read(form, size)).toEqual({ fields: { csrf: 'abc' }, files: { 'file:a"b.csv': content } });
  });

  it.each([5, 60, form.length - 12, form.length - 5])('that is cut after %i bytes is refused', async (length) => {
    await expect(read(form.subarray(0, length), 10)).rejects.toMatchObject({ code: 'form_broken', status: 400 });
  });

  it('with a field or a header without end is refused, whatever is left of it', async () => {
    await expect(read(`--XX\r\nContent-Disposition: form-data; name="a"\r\n\r\n${'x'.repeat(20_000)}`, 1000)).rejects.toMatchObject({
      status: 413,
    });
    await expect(read(`--XX\r\n${'x'.repeat(20_000)}`, 1000)).rejects.toMatchObject({ status: 413 });
  });

  it('names its boundary, quoted or not, and any other type is refused', () => {
    expect(boundaryOf('multipart/form-data; boundary=XX')).toBe('XX');
    expect(boundaryOf('multipart/form-data; charset=utf-8; boundary="X X"')).toBe('X X');
    for (const type of ['', 'text/csv', 'multipart/form-data', 'multipart/mixed; boundary=XX'])
      expect(() => boundaryOf(type)).toThrow('multipart/form-data');
  });
});
