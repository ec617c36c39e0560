/** "Did you mean": the known name that is fewest typing mistakes away. */

/** Letters added, lost, changed, or swapped with the next one, each counted once (optimal string alignment). */
export const editDistance = (a: string, b: string): number => {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, index) => index)];
  const known = (row: number, column: number): number => rows[row]?.[column] ?? 0;
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    rows.push(current);
    for (let column = 1; column <= b.length; column += 1) {
      const same = a[row - 1] === b[column - 1] ? 0 : 1;
      let least = Math.min(known(row - 1, column) + 1, known(row, column - 1) + 1, known(row - 1, column - 1) + same);
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (swapped) least = Math.min(least, known(row - 2, column - 2) + 1);
      current.push(least);
    }
  }
  return known(a.length, b.length);
};

const longestName = 100;

/** Letters and digits only, so that `Bank Account No` and `bank_account_no` are the same mistake. */
const plain = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '');

/** @returns undefined when nothing is near: at most a third of the name is mistyped */
export const suggestName = (name: string, known: Iterable<string>): string | undefined => {
  if (name.length > longestName) return undefined;
  const wanted = plain(name);
  if (wanted === '') return undefined;
  let nearest: string | undefined;
  let best = Math.floor(wanted.length / 3) + 1;
  for (const candidate of known) {
    const far = editDistance(wanted, plain(candidate));
    if (far < best) {
      best = far;
      nearest = candidate;
    }
  }
  return nearest;
};
