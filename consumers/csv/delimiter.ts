/** Which sign separates the cells: the user's choice, else the file's own `sep=` line, else what its header uses. */
import { structural } from './structural-error.ts';

const candidates = [',', ';', '\t'] as const;

const named: ReadonlyMap<string, string> = new Map([
  ['tab', '\t'],
  [String.raw`\t`, '\t'],
  ['comma', ','],
  ['semicolon', ';'],
]);

/** A letter or digit would cut names and amounts apart; quotes and line ends have another meaning. */
const possible = /^[\t\u{20}-\u{7E}\u{A0}-\u{D7FF}]$/u;

const canBeDelimiter = (sign: string): boolean => possible.test(sign) && !/["\p{L}\p{N}]/u.test(sign);

/** @throws StructuralError when the user's delimiter can be none */
export function checkDelimiter(asked: string): string {
  const sign = named.get(asked.toLowerCase()) ?? asked;
  if (canBeDelimiter(sign)) return sign;
  throw structural(
    1,
    'delimiter_invalid',
    'The delimiter must be a single character such as , or ; or tab, and not a letter, digit, quote or line break.',
  );
}

/**
 * @param line the first line of the file without its end
 * @returns what the line says, or undefined when it is no `sep=` line
 */
export function readSepLine(line: string): string | undefined {
  const match = /^"?sep=(?<sign>[^]*?)"?$/i.exec(line);
  if (match === null) return undefined;
  const sign = match.groups?.['sign'] ?? '';
  if (canBeDelimiter(sign)) return sign;
  throw structural(
    1,
    'sep_line_invalid',
    'The first line has sep= without exactly one character after it: write, for example, sep=; or remove the line.',
  );
}

/**
 * @param header the header's record as it is in the file
 * @throws StructuralError when two signs are as likely
 */
export function detectDelimiter(header: string, line: number): string {
  const outsideQuotes = header.split('"').filter((_, index) => index % 2 === 0);
  const counts = candidates.map((sign) => ({ sign, count: outsideQuotes.reduce((sum, part) => sum + part.split(sign).length - 1, 0) }));
  const [first, second] = counts.sort((a, b) => b.count - a.count);
  if (first === undefined || first.count === 0) return ',';
  if (first.count > (second?.count ?? 0)) return first.sign;
  throw structural(line, 'delimiter_ambiguous', 'The delimiter cannot be detected from the header: specify it with --delimiter.');
}
