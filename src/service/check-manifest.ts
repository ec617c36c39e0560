/** Holds a dropped file against its manifest, and takes its number. */
import { compareManifest, manifestProblem, parseManifest } from '../../batches/pipeline/drop-folder/manifest.ts';
import type { LineProblem } from '../../batches/preflight/line-problem.ts';
import type { DroppedFile } from '../../consumers/drop-folder/drop-folder.ts';
import type { Sequences } from '../../consumers/drop-folder/sequences.ts';
import type { Inspection } from '../files/payout-file.ts';

export interface ManifestDeps {
  /** Whether the gateway pays with real money. */
  readonly isLive: boolean;
  readonly sequences: Sequences;
  /** By the name of a file that changed after it was taken: the hash of what was read of it then. */
  readonly parts: ReadonlyMap<string, string>;
}

/** `release` gives the number back, for a file that is refused after all. */
export type ManifestCheck =
  | { readonly ok: true; readonly notBefore: number | undefined; release(): Promise<void> }
  | { readonly ok: false; readonly problems: readonly [LineProblem, ...LineProblem[]] };

const unbound: Extract<ManifestCheck, { ok: true }> = { ok: true, notBefore: undefined, release: async () => undefined };

/** @throws the reason of the file's signal */
export async function checkManifest(
  { isLive, sequences, parts }: ManifestDeps,
  file: DroppedFile,
  inspection: Inspection,
): Promise<ManifestCheck> {
  const text = await file.manifest();
  if (text === null) return unbound;
  const read = parseManifest(text);
  if (!read.ok) return refused(read.problems.map((problem) => manifestProblem('manifest_differs', sentence(problem))));
  const { sha256, bytes, preflight } = inspection;
  const { manifest } = read;
  const problems = compareManifest(manifest, { sha256, bytes, rows: preflight.rows, totals: preflight.totals, isLive });
  if (problems.length > 0) return refused(problems);
  const { sequence, notBefore } = manifest;
  if (sequence === undefined) return { ...unbound, notBefore };
  const claim = await sequences.claim({ ...sequence, sha256, replaces: parts.get(file.name), signal: file.signal });
  if (claim.is === 'ours') return { ok: true, notBefore, release: claim.release };
  const { number } = sequence;
  return refused([claim.is === 'gap' ? gap(number, claim) : reused(number, claim.last)]);
}

const refused = (problems: readonly LineProblem[]): ManifestCheck => {
  const [first, ...others] = problems;
  if (first === undefined) throw new TypeError('a file is refused for nothing');
  return { ok: false, problems: [first, ...others] };
};

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

const gap = (number: number, { first, last }: { readonly first: number; readonly last: number }): LineProblem =>
  manifestProblem(
    'sequence_gap',
    number < first
      ? `The manifest has the sequence number ${number}, and the numbers of this source begin here with ${first}: the files between them are missing. If this file is to be paid, drop those first, then this one again.`
      : `The manifest has the sequence number ${number}, and the last file of this source had ${last}: a file between them is missing. Drop that one first, then this one again.`,
  );

const reused = (number: number, last: number): LineProblem =>
  manifestProblem(
    'sequence_reused',
    `The sequence number ${number} of the manifest belongs to another file of this source (the last one is ${last}): give this file the next number, if it is to be paid besides the others.`,
  );
