/** `npm run proof -- --mutations`: runs schedules on mutated copies of the sources, until each mistake is found. */
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { themeOf, type Theme } from '../themes.ts';
import { mutations, type Mutation, type TextPatch } from './mutations.ts';

const root = join(import.meta.dirname, '..', '..');
const copied = ['batches', 'consumers', 'producers', 'simulation', 'src', 'package.json'];
const workers = 2;
/** Schedules for each mutation, at most. */
const mostSchedules = 3_000;
/** Schedules without a mutation, before the first one. */
const controlSchedules = 20;
/** Far more than any takes; a machine that does other work at the same time needs it. */
const longestMs = 240_000;

type Catch =
  { readonly isCaught: true; readonly after: string; readonly why: string } | { readonly isCaught: false; readonly after: string };

/** @throws Error when a text is not exactly once in its file */
function patched(text: string, { file, text: wanted, replacement }: TextPatch, name: string): string {
  const parts = text.split(wanted);
  if (parts.length !== 2) throw new Error(`"${name}": this text is ${parts.length - 1} times in ${file}, and must be once: ${wanted}`);
  return parts.join(replacement);
}

/** The files of a mutation as they are mutated, by path. @throws Error when a text is not exactly once in its file */
export async function mutatedFiles({ name, patches }: Mutation): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  for (const patch of patches) {
    const text = files.get(patch.file) ?? (await readFile(join(root, patch.file), 'utf8'));
    files.set(patch.file, patched(text, patch, name));
  }
  return files;
}

async function hunt(folder: string, mutation: Mutation): Promise<Catch> {
  const files = await mutatedFiles(mutation);
  for (const [file, text] of files) await writeFile(join(folder, file), text);
  try {
    return await runSchedules(folder, mostSchedules, mutation.theme);
  } finally {
    for (const file of files.keys()) await cp(join(root, file), join(folder, file));
  }
}

/** How many schedules were run until this seed. */
function countUntil(seed: number, theme: Theme | undefined): string {
  if (theme === undefined) return `${seed} schedules`;
  const seeds = Array.from({ length: seed }, (_, index) => index + 1);
  return `${seeds.filter((one) => themeOf(one) === theme).length} schedules of the theme ${theme}, seed ${seed}`;
}

/** @param theme only its schedules */
const runSchedules = (folder: string, most: number, theme?: Theme): Promise<Catch> =>
  new Promise((resolve) => {
    const ofTheme = theme === undefined ? [] : ['--theme', theme];
    const args = [join('simulation', 'proof.ts'), '--schedules', String(most), '--failures', '1', '--threads', '1', '--bare', ...ofTheme];
    execFile(process.execPath, args, { cwd: folder, timeout: longestMs, killSignal: 'SIGKILL' }, (error, stdout, stderr) => {
      const found = /^seed (\d+): (.*)$/m.exec(stdout);
      if (found !== null) resolve({ isCaught: true, after: countUntil(Number(found[1]), theme), why: found[2] ?? '' });
      else if (error === null) resolve({ isCaught: false, after: `${most} schedules` });
      else if (error.killed === true) resolve({ isCaught: false, after: `${longestMs / 1000} s` });
      // An error is no proof: it may come from the copy, or from a mutation that is no longer code.
      else resolve({ isCaught: false, after: `an error: ${/^\w*Error.*$/m.exec(stderr)?.[0] ?? error.message}` });
    });
  });

/** What is found in the copy as it is would not be found because of a mutation. */
async function checkCopy(folder: string): Promise<void> {
  const { isCaught, after } = await runSchedules(folder, controlSchedules);
  if (isCaught || after !== `${controlSchedules} schedules`) throw new Error(`schedules do not hold without a mutation: ${after}`);
}

/** @param only a part of the names, for one of them by hand. @returns whether every mutation was caught */
export async function proveMutations(print: (line: string) => void, only = ''): Promise<boolean> {
  const wanted = mutations.filter(({ name }) => name.includes(only));
  // A text that is not there is a mistake of the list: it is found before anything runs.
  for (const mutation of wanted) await mutatedFiles(mutation);
  const waiting = [...wanted];
  let caught = 0;
  const work = async (): Promise<void> => {
    const folder = await mkdtemp(join(tmpdir(), 'disburse-mutations-'));
    try {
      for (const path of copied) await cp(join(root, path), join(folder, path), { recursive: true });
      await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
      await checkCopy(folder);
      for (let mutation = waiting.shift(); mutation !== undefined; mutation = waiting.shift()) {
        const result = await hunt(folder, mutation);
        if (result.isCaught) caught += 1;
        print(
          result.isCaught
            ? `caught after ${result.after}: ${mutation.name} (${result.why.slice(0, 120)})`
            : `NOT CAUGHT after ${result.after}: ${mutation.name}`,
        );
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  };
  await Promise.all(Array.from({ length: Math.min(workers, wanted.length) }, work));
  print(`${caught} of ${wanted.length} mutations caught`);
  return caught === wanted.length;
}
