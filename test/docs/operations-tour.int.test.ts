/** The operator's tour of docs/operations.md: every section of it that needs no servers, as it is written. */
import { describe, expect, it } from 'vitest';
import { inTemporaryFolder } from '../support/cli.ts';
import { blocksOfSection, commandsOf, missingLines, onServers, runTour, titles } from './page-tour.ts';

describe("the operator's tour", () => {
  it.concurrent.for(titles.filter((title) => !onServers.includes(title)))('%s: works as it is written', async (title) => {
    await inTemporaryFolder((folder) => runTour(blocksOfSection(title), { folder }));
  });

  it('has the sections that are run on servers', () => {
    expect(onServers.filter((title) => !titles.includes(title))).toEqual([]);
  });
});

describe('the reader of the tour', () => {
  it('keeps a here-document with its command', () => {
    expect(commandsOf(['a', "cat > f <<'EOF'", 'b', 'EOF', 'c'])).toEqual(['a', "cat > f <<'EOF'\nb\nEOF", 'c']);
  });

  it('finds a line that the output does not have, and one that it has in another order', () => {
    expect(missingLines(['a  …', 'b'], 'a 1\nb')).toEqual([]);
    expect(missingLines(['a  …', 'c'], 'a 1\nb')).toEqual(['c']);
    expect(missingLines(['b', 'a  1'], 'a 1\nb')).toEqual(['a  1']);
  });
});
