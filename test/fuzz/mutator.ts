/**
 * Bytes that nearly are what a reader expects. Byte by byte and without knowledge of a format, beside a list of tokens that
 * matter to it; the same dice give the same bytes.
 */
import type { Dice } from '../../simulation/dice.ts';

export interface Material {
  /** Whole inputs to begin with. */
  readonly seeds: readonly Buffer[];
  /** Texts that mean something to the reader. */
  readonly tokens: readonly string[];
  readonly maxBytes: number;
}

/** Bytes at which readers change their mind: ends of ranges, quotes, line ends, marks, halves of characters. */
const oddBytes = [
  0x00, 0x09, 0x0a, 0x0d, 0x20, 0x22, 0x27, 0x2c, 0x2d, 0x30, 0x3b, 0x5c, 0x7f, 0x80, 0xbf, 0xc2, 0xed, 0xef, 0xf4, 0xfe, 0xff,
];
const oddTexts = [
  ...['\r\n', '\n\n', '""', '\\u0000', '\\ud800', '\ufeff', '\u200b', '\u2028', '\u00a0', '\u202e', 'é', '𝟙', '١٢', '\u0000'],
  ...['null', 'true', '{}', '[]', '0', '-0', '-1', '1e3', '1e400', '0.1', '1.0', '9007199254740991', '9007199254740993', '1e-7'],
  ...[
    'NaN',
    'undefined',
    '__proto__',
    'constructor',
    'toString',
    '[object Object]',
    '{"toString":1,"valueOf":1}',
    '=1+1',
    '%00',
    '../',
    '%n%s',
    "' OR 1=1",
  ],
];

/** Values that are JSON, and seldom what is expected. */
const oddJson = [
  ...[
    'null',
    'true',
    'false',
    '0',
    '-0',
    '-1',
    '1',
    '1.0',
    '1e0',
    '1e3',
    '1.5',
    '1e400',
    '9007199254740993',
    '""',
    '" "',
    '"1"',
    '"1.0"',
    '[]',
    '{}',
    '[1]',
    '[null]',
  ],
  ...[
    '{"toString":1,"valueOf":1}',
    '{"length":3}',
    '{"__proto__":{"a":1}}',
    '"\\ud800"',
    '"\\u0000"',
    '"\u202e"',
    '"toString"',
    '"__proto__"',
    '"4242424242424242"',
  ],
  ...['"DE89370400440532013000"', '["payout"]', '{"a":{"a":{"a":[[]]}}}', `"${'x'.repeat(300)}"`, `[${'1,'.repeat(2_000)}1]`],
];
const jsonToken = /"(?:[^"\\]|\\.)*"(\s*:)?|-?\d[\d.eE+-]*|true|false|null/g;

type Edit = (bytes: Buffer, dice: Dice, material: Material) => Buffer;

const at = (bytes: Buffer, dice: Dice): number => dice.between(0, bytes.length);
const one = <Item>(items: readonly Item[], dice: Dice): Item | undefined => items[dice.between(0, Math.max(0, items.length - 1))];

const span = (bytes: Buffer, dice: Dice, longest = 64): readonly [start: number, end: number] => {
  const start = at(bytes, dice);
  return [start, Math.min(bytes.length, start + dice.between(1, longest))];
};
const replace = (bytes: Buffer, start: number, end: number, by: Uint8Array): Buffer =>
  Buffer.concat([bytes.subarray(0, start), by, bytes.subarray(end)]);

/** From one sign of a kind to the next one of it. */
const between = (bytes: Buffer, dice: Dice, sign: number): readonly [start: number, end: number] | undefined => {
  const start = bytes.indexOf(sign, at(bytes, dice));
  const end = start === -1 ? -1 : bytes.indexOf(sign, start + 1);
  return end === -1 ? undefined : [start + 1, end];
};

const edits: readonly Edit[] = [
  // One bit, one byte, one odd byte.
  (bytes, dice) => {
    const copy = Buffer.from(bytes);
    const index = dice.between(0, Math.max(0, bytes.length - 1));
    copy[index] = (copy[index] ?? 0) ^ (1 << dice.between(0, 7));
    return copy;
  },
  (bytes, dice) => replace(bytes, ...span(bytes, dice, 1), Buffer.from([dice.between(0, 255)])),
  (bytes, dice) => {
    const place = at(bytes, dice);
    return replace(bytes, place, place, Buffer.from([one(oddBytes, dice) ?? 0]));
  },
  // Without a part, cut off, a part twice or many times, two parts exchanged.
  (bytes, dice) => replace(bytes, ...span(bytes, dice), Buffer.alloc(0)),
  (bytes, dice) => (dice.chance(0.3) ? bytes.subarray(0, at(bytes, dice)) : bytes.subarray(at(bytes, dice))),
  (bytes, dice) => {
    const [start, end] = span(bytes, dice, 256);
    return replace(bytes, start, start, bytes.subarray(start, end));
  },
  (bytes, dice) => {
    const [start, end] = span(bytes, dice, 8);
    const times = dice.chance(0.02) ? dice.between(1_000, 40_000) : dice.between(2, 40);
    return replace(bytes, start, end, Buffer.from(bytes.toString('latin1', start, end).repeat(times), 'latin1'));
  },
  (bytes, dice) => {
    const [start, end] = span(bytes, dice);
    const [from, to] = span(bytes, dice);
    if (from < end) return bytes;
    const parts = [
      [0, start],
      [from, to],
      [end, from],
      [start, end],
      [to, bytes.length],
    ] as const;
    return Buffer.concat(parts.map(([first, last]) => bytes.subarray(first, last)));
  },
  // A token, an odd text, put in or in place of what is between two quotes, two commas or two line ends.
  (bytes, dice, { tokens }) => {
    const place = at(bytes, dice);
    return replace(bytes, place, dice.chance(0.5) ? place : span(bytes, dice)[1], Buffer.from(one(tokens, dice) ?? ''));
  },
  (bytes, dice) => {
    const place = at(bytes, dice);
    return replace(bytes, place, place, Buffer.from(one(oddTexts, dice) ?? ''));
  },
  (bytes, dice, { tokens }) => {
    const found = between(bytes, dice, one([0x22, 0x2c, 0x0a, 0x3a, 0x3d], dice) ?? 0x22);
    return found === undefined ? bytes : replace(bytes, ...found, Buffer.from(one(dice.chance(0.5) ? tokens : oddTexts, dice) ?? ''));
  },
  // A part of another seed.
  (bytes, dice, { seeds }) => {
    const other = one(seeds, dice) ?? bytes;
    const [start, end] = span(other, dice, 400);
    const place = at(bytes, dice);
    return replace(bytes, place, Math.min(bytes.length, place + dice.between(0, 100)), other.subarray(start, end));
  },
  // A value of JSON that is another one, a member more, a member under another name.
  (bytes, dice, { tokens }) => {
    const text = bytes.toString('latin1');
    const found = one([...text.slice(0, 20_000).matchAll(jsonToken)], dice);
    if (found === undefined) return bytes;
    const isName = found[1] !== undefined;
    const by = isName ? (one(tokens, dice) ?? '') : (one(oddJson, dice) ?? '');
    const end = found.index + found[0].length;
    return replace(bytes, found.index, end, Buffer.from(isName && !by.endsWith(':') ? `"${by.replaceAll('"', '')}":` : by));
  },
  (bytes, dice) => {
    const open = bytes.indexOf('{', at(bytes, dice));
    if (open === -1) return bytes;
    const name = one([...bytes.toString('latin1', 0, 20_000).matchAll(/"[^"\\]{1,40}":/g)], dice)?.[0] ?? '"a":';
    return replace(bytes, open + 1, open + 1, Buffer.from(`${name}${one(oddJson, dice)},`, 'latin1'));
  },
  // A number that is another one.
  (bytes, dice) => {
    const digits = [...bytes.toString('latin1').matchAll(/\d+/g)];
    const found = one(digits, dice);
    if (found === undefined) return bytes;
    const by = dice.pick(['0', '-1', '9007199254740992', '1e5', '1.5', '007', String(dice.between(0, 99_999_999)), '1'.repeat(400)]);
    return replace(bytes, found.index, found.index + found[0].length, Buffer.from(by));
  },
  // Nesting.
  (bytes, dice) => {
    const depth = dice.chance(0.1) ? dice.between(2_000, 20_000) : dice.between(2, 80);
    const [open, close] = dice.pick([
      ['[', ']'],
      ['{"a":', '}'],
    ]);
    const [start, end] = between(bytes, dice, 0x22) ?? span(bytes, dice);
    return replace(
      bytes,
      Math.max(0, start - 1),
      Math.min(bytes.length, end + 1),
      Buffer.from(`${open.repeat(depth)}1${close.repeat(depth)}`),
    );
  },
];

/** A seed with a few edits; now and then as it is, and now and then nothing but noise. */
export function mutate(material: Material, dice: Dice): Buffer {
  const { seeds, maxBytes } = material;
  if (dice.chance(0.01)) return Buffer.from(Array.from({ length: dice.between(0, 300) }, () => dice.between(0, 255)));
  let bytes = one(seeds, dice) ?? Buffer.alloc(0);
  const count = dice.chance(0.02) ? 0 : dice.chance(0.7) ? dice.between(1, 4) : dice.between(5, 20);
  for (let index = 0; index < count; index += 1) {
    bytes = (one(edits, dice) as Edit)(bytes, dice, material);
    if (bytes.length > maxBytes) bytes = bytes.subarray(0, maxBytes);
  }
  return Buffer.from(bytes);
}
