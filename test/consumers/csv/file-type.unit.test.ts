import { zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { broken, read } from './reading.ts';

describe('what is called .csv and is not', () => {
  it.each([
    ['.xlsx', Buffer.from('PK\u0003\u0004\u0014\0\u0006\0[Content_Types].xml')],
    ['.ods', Buffer.from('PK\u0003\u0004....mimetypeapplication/vnd.oasis.opendocument.spreadsheet')],
    ['Numbers', Buffer.from('PK\u0003\u0004....Index/Document.iwa')],
    ['zip archive', Buffer.from('PK\u0003\u0004....readme.txt')],
    ['.xls', Buffer.from('d0cf11e0a1b11ae1000000', 'hex')],
    ['PDF', Buffer.from('%PDF-1.7\n')],
    ['RTF', Buffer.from('{\\rtf1\\ansi')],
    ['zstd', zstdCompressSync('a,b\n')],
    ['xz', Buffer.from('fd377a585a000004', 'hex')],
    ['bzip2', Buffer.from('BZh91AY&SY')],
    ['7-Zip', Buffer.from('377abcaf271c0004', 'hex')],
    ['RAR', Buffer.from('Rar!\u001A\u0007\0')],
    ['tar', Buffer.concat([Buffer.alloc(257, 'x'), Buffer.from('ustar\0')])],
    ['Parquet', Buffer.from('PAR1....')],
    ['SQLite', Buffer.from('SQLite format 3\0')],
    ['PNG', Buffer.from('89504e470d0a1a0a', 'hex')],
    ['JPEG', Buffer.from('ffd8ffe0', 'hex')],
    ['UTF-32', Buffer.from('fffe000061000000', 'hex')],
    ['UTF-32', Buffer.from('0000feff00000061', 'hex')],
    ['HTML', Buffer.from('\n  <!DOCTYPE html><html>')],
    ['HTML', Buffer.from('\uFEFF<table><tr><td>1</td></tr></table>')],
    ['HTML', Buffer.from('\uFEFF<html>', 'utf16le')],
    ['XML', Buffer.from('<?xml version="1.0"?><Workbook/>')],
    ['a sealed upload of the console', Buffer.from('{"format":"disburse-upload","version":1,"salt":"AA=="}\n\u0000\u00ff', 'latin1')],
    ['a sealed export of a ledger', Buffer.from('{"format":"disburse-ledger","version":1}\n\u0000\u00ff', 'latin1')],
    ['JSON', Buffer.from('[{"record_id": "a"}]')],
    ['JSON', Buffer.from('{"record_id": "a"}')],
    ['MHTML', Buffer.from('MIME-Version: 1.0\r\n')],
  ])('is recognised as %s', async (name, bytes) => {
    const error = await broken(bytes);
    expect(error.problems).toMatchObject([{ code: 'not_csv', line: 1, value: null }]);
    expect(error.problems[0].message).toContain(name);
  });

  it('lets a header begin as it likes otherwise', async () => {
    expect((await read('PKey,BZhang\n1,2\n')).csv.header).toEqual(['PKey', 'BZhang']);
  });
});
