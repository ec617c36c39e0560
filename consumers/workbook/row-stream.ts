/** The rows of a sheet, block by block, with the texts and styles that its cells refer to. */
import { damaged } from './faults.ts';
import { textOf, type WorkbookParts } from './parts.ts';
import { createTextStore, readSharedStrings } from './shared-strings.ts';
import { createSheetReader, type SheetFacts, type SheetRow } from './sheet.ts';
import { readStyles } from './styles.ts';
import type { Zip } from './zip.ts';

export interface RowStream {
  /** Rows that have something in them; undefined at the end. */
  next(): Promise<readonly SheetRow[] | undefined>;
  /** Known at the end. */
  facts(): SheetFacts;
  isAtEnd(): boolean;
  close(): Promise<void>;
}

/** @param part name of the sheet's part */
export async function openRows(zip: Zip, { sharedStrings, styles }: WorkbookParts, part: string): Promise<RowStream> {
  const entry = zip.entries.get(part);
  if (entry === undefined) throw damaged('its sheet is missing');
  const texts = createTextStore();
  try {
    if (sharedStrings !== undefined) await readSharedStrings(textOf(zip, sharedStrings), texts);
    let rows: SheetRow[] = [];
    const shown = styles === undefined ? [] : await readStyles(textOf(zip, styles));
    const { reader, facts } = createSheetReader({ texts, styles: shown, onRow: (row) => void rows.push(row) });
    const text = textOf(zip, entry);
    let atEnd = false;
    return {
      async next() {
        while (!atEnd) {
          const piece = await text.next();
          if (piece.done === true) {
            reader.end();
            atEnd = true;
          } else reader.push(piece.value);
          if (rows.length === 0) continue;
          const block = rows;
          rows = [];
          return block;
        }
        return undefined;
      },
      facts: () => facts,
      isAtEnd: () => atEnd,
      async close() {
        await text.return(undefined);
        texts.close();
      },
    };
  } catch (error) {
    texts.close();
    throw error;
  }
}
