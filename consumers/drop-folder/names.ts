/** Which names in the drop folder are payout files, and what is beside a file that is being paid. */

/** What is written beside a payout file, by the end of its name. */
export const siblings = ['ack.json', 'ack.txt', 'results.csv', 'errors.csv'] as const;
export type Sibling = (typeof siblings)[number];

/** Room for what we put before and behind a name, under the 255 bytes that file systems allow. */
const maxNameBytes = 180;

/**
 * `.csv`, `.csv.gz` and `.xlsx` in any case, for some systems write `.CSV`. What ends in `.part` or `.tmp` is therefore none,
 * and what begins with a dot is hidden: uploads in progress, and our own notes. What begins with `~$` is the note of a spreadsheet
 * program that has the workbook open.
 */
export const isPayoutName = (name: string): boolean => /\.(?:csv(?:\.gz)?|xlsx)$/i.test(name) && !/^(?:\.|~\$)/.test(name);

/** The endings, for people. */
export const payoutEndings = '.csv, .csv.gz or .xlsx';

/** Why a file of this name cannot be taken, in words that follow the name; undefined when it can. */
export function faultOfName(name: string): string | undefined {
  if (name.includes('\ufffd')) return 'has a name that is not UTF-8: rename it';
  const bytes = Buffer.byteLength(name);
  if (bytes > maxNameBytes) return `has a name of ${bytes} bytes; at most ${maxNameBytes} are supported: rename it`;
  return undefined;
}

/** Says at once that the file beside it is whole. */
export const readyMarker = (name: string): string => `${name}.ready`;

/** What the sender states of the file beside it. */
export const manifestOf = (name: string): string => `${name}.manifest.json`;

/** A hidden note in the drop folder: a file of it had a manifest once, so every file needs one. */
export const manifestsNote = '.manifests';

/** The answer to a file that is not taken. */
export const answerTo = (name: string): string => `${name}.ack.txt`;

/** Uploads in progress, markers, answers and hidden files; every other name that is no payout file is reported. */
export const isQuietName = (name: string): boolean => /^(?:\.|~\$)|\.(?:part|tmp|ready|manifest\.json|ack\.txt|ack\.json)$/i.test(name);

/** Gathers the first names in the order of their characters, however many are offered. */
export function createFirstNames(limit: number): { add(name: string): void; names(): readonly string[] } {
  let names: string[] = [];
  const cut = (): void => {
    names = names.toSorted().slice(0, limit);
  };
  return {
    add(name) {
      names.push(name);
      if (names.length >= 2 * limit) cut();
    },
    names() {
      cut();
      return names;
    },
  };
}
