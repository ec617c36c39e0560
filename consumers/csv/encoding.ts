/**
 * Which encodings there are, by name, and which one a file is in: what its byte order mark says, else what the user
 * says, else UTF-8. Nothing is guessed.
 */
import { structural } from './structural-error.ts';

/** UTF-16 without an order of bytes is only a promise that the mark will tell. */
const unicode = ['utf-8', 'utf-16le', 'utf-16be'] as const;
const windows = [874, 1250, 1251, 1252, 1253, 1254, 1255, 1256, 1257, 1258].map((number) => `windows-${number}`);
const iso = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16].map((part) => `iso-8859-${part}`);

const mac = ['macintosh', 'maccenteuro', 'maccyrillic', 'macgreek', 'macturkish'] as const;
const dos = [437, 850, 852, 866].map((number) => `cp${number}`);

export const encodingNames: readonly string[] = [...unicode, ...windows, ...iso, ...mac, ...dos, 'koi8-r', 'koi8-u', 'shift_jis'];

const aliases: Readonly<Record<string, string>> = {
  latin1: 'iso-8859-1',
  latin2: 'iso-8859-2',
  latin9: 'iso-8859-15',
  ascii: 'utf-8',
  usascii: 'utf-8',
  ansi: 'windows-1252',
  mac: 'macintosh',
  macroman: 'macintosh',
  xmacroman: 'macintosh',
  xmacce: 'maccenteuro',
  xmaccyrillic: 'maccyrillic',
  xmacgreek: 'macgreek',
  xmacturkish: 'macturkish',
  sjis: 'shift_jis',
  cp932: 'shift_jis',
  ms932: 'shift_jis',
  windows31j: 'shift_jis',
};

const squeeze = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
const known: ReadonlyMap<string, string> = new Map([
  ...encodingNames.map((name) => [squeeze(name), name] as const),
  ...dos.map((name) => [squeeze(name.replace('cp', 'ibm')), name] as const),
  ...windows.flatMap((name) => ['cp', 'win'].map((short) => [squeeze(name.replace('windows', short)), name] as const)),
  ...Object.entries(aliases),
]);

/** @returns the name as we spell it, `utf-16` (the mark must tell the order), or undefined when unknown */
export const canonicalEncoding = (name: string): string | undefined => (squeeze(name) === 'utf16' ? 'utf-16' : known.get(squeeze(name)));

/** @throws StructuralError naming what is known */
export function checkEncoding(name: string): string {
  const canonical = canonicalEncoding(name);
  if (canonical !== undefined) return canonical;
  throw structural(1, 'encoding_unknown', `Unknown encoding. The known ones are ${encodingNames.join(', ')}.`);
}

const marks: readonly (readonly [encoding: string, bytes: readonly number[]])[] = [
  ['utf-8', [0xef, 0xbb, 0xbf]],
  ['utf-16le', [0xff, 0xfe]],
  ['utf-16be', [0xfe, 0xff]],
];

/**
 * @param head the first bytes of the file, at least four if it has them
 * @param asked the canonical name the user gave
 * @throws StructuralError when mark and user contradict each other, or when it is UTF-16 without being declared so
 */
export function chooseEncoding(head: Buffer, asked: string | undefined): { readonly encoding: string; readonly markBytes: number } {
  const mark = marks.find(([, bytes]) => bytes.every((byte, index) => head[index] === byte));
  if (mark !== undefined) {
    const [encoding, bytes] = mark;
    if (asked !== undefined && asked !== encoding && !(asked === 'utf-16' && encoding.startsWith('utf-16'))) {
      throw structural(
        1,
        'encoding_contradicts_mark',
        `The file begins with the byte order mark of ${encoding}, but ${asked} was specified: omit the encoding, or specify ${encoding}.`,
      );
    }
    return { encoding, markBytes: bytes.length };
  }
  if (asked === 'utf-16') {
    throw structural(
      1,
      'encoding_unmarked_utf16',
      'The file has no byte order mark, so its byte order is not known: specify utf-16le or utf-16be.',
    );
  }
  const unmarked = asked === undefined || asked === 'utf-8' ? unmarkedUtf16(head) : undefined;
  if (unmarked !== undefined) {
    throw structural(
      1,
      'encoding_unmarked_utf16',
      `The file looks like UTF-16 without a byte order mark: specify the encoding ${unmarked}.`,
    );
  }
  return { encoding: asked ?? 'utf-8', markBytes: 0 };
}

/** A header's first two letters tell: every other byte is zero. */
function unmarkedUtf16(head: Buffer): string | undefined {
  const [a = 0, b = 0, c = 0, d = 0] = head;
  if (a !== 0 && b === 0 && c !== 0 && d === 0 && head.length >= 4) return 'utf-16le';
  return a === 0 && b !== 0 && c === 0 && d !== 0 ? 'utf-16be' : undefined;
}
