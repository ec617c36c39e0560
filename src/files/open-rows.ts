/** Opens a payout file for its rows, whichever form it has. What it is says its content; its name must not say otherwise. */
import { readCsv, type CsvFile } from '../../consumers/csv/read-csv.ts';
import { openPlain, type OpenFile, type SourceOptions } from '../../consumers/csv/file.ts';
import { ownFileType } from '../../consumers/csv/file-type.ts';
import { structural } from '../../consumers/csv/structural-error.ts';
import { isWorkbook, readWorkbook, workbookEncoding } from '../../consumers/workbook/read-workbook.ts';

/** How to read a file; what is absent is detected, or has its default. */
export interface ReadingWays {
  readonly encoding?: string | undefined;
  readonly delimiter?: string | undefined;
  /** Of a CSV file for which none is given. */
  readonly csvDelimiter?: string | undefined;
  /** Of a workbook. */
  readonly sheet?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** For a file that is kept in another form than it is read. */
  readonly open?: OpenFile | undefined;
}

/** @throws StructuralError, FileChangedError, or the reason of the signal */
export async function openRows(path: string, ways: ReadingWays, expected?: SourceOptions['expected']): Promise<CsvFile> {
  const { encoding, delimiter, csvDelimiter, sheet, signal, open } = ways;
  const source = {
    ...(open === undefined ? {} : { open }),
    ...(signal === undefined ? {} : { signal }),
    ...(expected === undefined ? {} : { expected }),
  };
  if (await isWorkbook(path, open)) {
    const isPinned = encoding === workbookEncoding;
    if (!isPinned && encoding !== undefined) throw notForWorkbook('--encoding');
    if (!isPinned && delimiter !== undefined) throw notForWorkbook('--delimiter');
    return readWorkbook(path, { ...source, ...(sheet === undefined ? {} : { sheet }) });
  }
  if (sheet !== undefined)
    throw structural(1, 'sheet_of_csv', '--sheet names a sheet of a workbook, and this file is not one: leave it out.');
  if (/\.xlsx$/i.test(path)) {
    const own = ownFileType(await headOf(path, open));
    if (own !== undefined) throw structural(1, 'not_csv', own);
    throw structural(
      1,
      'workbook_fake',
      'The name ends in .xlsx, but this is not a workbook: save it as one, or give it the name that belongs to what it is.',
    );
  }
  const chosen = delimiter ?? csvDelimiter;
  return readCsv(path, {
    ...source,
    ...(encoding === undefined ? {} : { encoding }),
    ...(chosen === undefined ? {} : { delimiter: chosen }),
  });
}

const headBytes = 64;

/** The first bytes of a file that is no pipe; none where it cannot be read. */
async function headOf(path: string, openFile: OpenFile = openPlain): Promise<Buffer> {
  const handle = await openFile(path).catch(() => undefined);
  if (handle === undefined) return Buffer.alloc(0);
  try {
    const head = Buffer.alloc(headBytes);
    return (await handle.stat()).isFile() ? head.subarray(0, (await handle.read(head, 0, headBytes, 0)).bytesRead) : Buffer.alloc(0);
  } finally {
    await handle.close();
  }
}

const notForWorkbook = (option: string) =>
  structural(1, 'option_of_csv', `${option} is for CSV files, and this is a workbook, which says of itself how it is read: leave it out.`);
