/** Which styles show a number as a date or as a percentage. */
import { damaged } from './faults.ts';
import { attributesOf, createXmlReader } from './xml.ts';

export type Shown = 'plain' | 'date' | 'percent';

/** Spreadsheets have at most 65,490 cell styles, and formats of at most 255 characters. */
const most = { styles: 65_536, formatCharacters: 1_024 } as const;

const isBuiltInDate = (id: number): boolean =>
  (id >= 14 && id <= 22) || (id >= 27 && id <= 36) || (id >= 45 && id <= 47) || (id >= 50 && id <= 58);
const isBuiltInPercent = (id: number): boolean => id === 9 || id === 10;

/** What is left of a format are its codes for digits, dates and signs. */
const withoutTexts = (format: string): string =>
  format
    .replace(/\[(?:h+|m+|s+)\]/gi, 'h')
    .replace(/"[^"]*"|\[[^\]]*\]|[\\_*]./g, '')
    .replace(/General/gi, '');

export function shownAs(id: number, format: string | undefined): Shown {
  if (format === undefined) return isBuiltInDate(id) ? 'date' : isBuiltInPercent(id) ? 'percent' : 'plain';
  const signs = withoutTexts(format);
  // An exponent has an E, and an era of years too.
  if (/[dmyhsgb]/i.test(signs)) return 'date';
  return signs.includes('%') ? 'percent' : 'plain';
}

/** @returns how each style of cells shows a number, in the order of their numbers */
export async function readStyles(parts: AsyncIterable<string>): Promise<readonly Shown[]> {
  const formats = new Map<number, Shown>();
  const styles: Shown[] = [];
  let inCells = false;
  const reader = createXmlReader({
    open(name, attributes, depth) {
      if (name === 'numFmt' && depth === 3) {
        const [id, format] = attributesOf(attributes, 'numFmtId', 'formatCode');
        if (id === undefined || format === undefined) return;
        if (format.length > most.formatCharacters || formats.size >= most.styles) throw damaged('its styles are none');
        formats.set(Number(id), shownAs(Number(id), format));
      }
      if (depth === 2) inCells = name === 'cellXfs';
      if (name === 'xf' && depth === 3 && inCells) {
        const id = Number(attributesOf(attributes, 'numFmtId')[0] ?? '0');
        if (styles.length >= most.styles) throw damaged('it has too many styles');
        styles.push(formats.get(id) ?? shownAs(id, undefined));
      }
    },
    close: () => undefined,
    text: () => undefined,
  });
  for await (const part of parts) reader.push(part);
  reader.end();
  return styles;
}
