/** "Did you mean": the known name that is fewest typing mistakes away. */

const distance = (a: string, b: string): number => {
  let above = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const same = a[row - 1] === b[column - 1] ? 0 : 1;
      current.push(Math.min((above[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1, (above[column - 1] ?? 0) + same));
    }
    above = current;
  }
  return above[b.length] ?? a.length;
};

const longestName = 100;

/** Letters and digits only, so that `Bank Account No` and `bank_account_no` are the same mistake. */
const plain = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '');

/** @returns undefined when nothing is near: at most a third of the name is mistyped */
export const nearestName = (name: string, known: Iterable<string>): string | undefined => {
  if (name.length > longestName) return undefined;
  const wanted = plain(name);
  if (wanted === '') return undefined;
  let nearest: string | undefined;
  let best = Math.floor(wanted.length / 3) + 1;
  for (const candidate of known) {
    const far = distance(wanted, plain(candidate));
    if (far < best) {
      best = far;
      nearest = candidate;
    }
  }
  return nearest;
};
