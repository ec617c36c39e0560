import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { editDistance } from '../../batches/fields/suggest-name.ts';
import { CommandError, exitCodes, type ExitCode } from '../exit.ts';
import { table } from '../terminal/format.ts';

/** @property folder undefined where the package has no pages */
interface Pages {
  readonly folder: string | undefined;
  readonly topics: readonly string[];
}

/** Prints a page as it is in the package; without a topic, the topics with their titles. */
export function docs({ folder, topics }: Pages, topic: string | undefined): ExitCode {
  if (folder === undefined)
    throw new CommandError(exitCodes.usage, 'the folder docs is missing beside the program: install the whole package again.');
  const page = (name: string): string => readFileSync(join(folder, `${name}.md`), 'utf8');
  if (topic === undefined) {
    process.stdout.write(`${table(topics.map((name) => [name, titleOf(page(name))]))}\n`);
    return exitCodes.ok;
  }
  const wanted = topic
    .toLowerCase()
    .replace(/^docs\//, '')
    .replace(/\.md$/, '');
  const known = topics.find((name) => name === wanted);
  if (known === undefined) {
    throw new CommandError(
      exitCodes.usage,
      `no page ${JSON.stringify(topic)}. The nearest: ${nearest(wanted, topics).join(', ')}. disburse docs lists all pages.`,
    );
  }
  process.stdout.write(page(known));
  return exitCodes.ok;
}

const titleOf = (page: string): string => /^# (.+)$/m.exec(page)?.[1] ?? '';

const longestName = 100;
const mostNamed = 3;

/** The likeliest first: a common beginning counts more than typing mistakes. */
function nearest(wanted: string, topics: readonly string[]): readonly string[] {
  const name = wanted.slice(0, longestName);
  const distance = (topic: string): number => editDistance(name, topic) - 3 * commonStart(name, topic);
  return topics.toSorted((one, other) => distance(one) - distance(other)).slice(0, mostNamed);
}

function commonStart(one: string, other: string): number {
  let length = 0;
  while (length < one.length && one[length] === other[length]) length += 1;
  return length;
}
