/** Sums a CPU profile of V8 by what the program was doing. */

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string };
  readonly children?: readonly number[];
}

/** The form of a `.cpuprofile` file: of each sample the node that ran, and the microseconds since the one before. */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

export interface Area {
  readonly area: string;
  /** Microseconds. */
  readonly us: number;
}

/** By the name of a function that V8 makes up. */
const ofEngine: ReadonlyMap<string, string> = new Map([
  ['(garbage collector)', 'garbage collection'],
  ['(idle)', 'waiting: nothing to do'],
  ['(program)', 'engine and native code without a stack'],
]);

/** By the file of the innermost function that has one of these; the first that fits counts. */
const ofFiles: readonly (readonly [file: RegExp, area: string])[] = [
  [/internal\/crypto\/sig|gateway\/signature/, 'handing over to the signing threads'],
  [/internal\/crypto\/hash|keyed-hash|fingerprint|idempotency-key|hash-chain/, 'digests: fingerprint, fields, key, audit trail'],
  [/internal\/crypto\/cipher|ledger\/seal/, 'sealing bodies'],
  [/ledger\/audit-text|sqlite\/trails/, 'ledger: audit trail'],
  [/sqlite\/(?:outbox|queries|reader)|results-file|pipeline\/publish/, 'ledger: outbox, and results file'],
  [/src\/ledger\//, 'ledger: records, tallies, commits'],
  [/undici|node:net|internal\/streams|stream_base|producers\/(?:exchange|gateway|answer)/, 'HTTP'],
  [/consumers\/|src\/files\/|csv-row|csv-parse|batches\/instruction|batches\/fields|preflight/, 'reading and checking rows and answers'],
  [/batches\/record\//, 'steps of records, and their events'],
  [/batches\/|p-limit|src\/limiter|src\/clock/, 'pipeline: window, slots, permits, clocks'],
  [/internal\/modules|bootstrap\/realm|src\/(?:cli|main|command-line)/, 'start: loading modules'],
  [/internal\/process\/task_queues|internal\/timers|async_hooks|promise/, 'promises and timers'],
];

const rest = 'everything else';

export function areasOf({ nodes, samples, timeDeltas }: CpuProfile): readonly Area[] {
  const parents = new Map<number, ProfileNode>();
  const byId = new Map<number, ProfileNode>();
  for (const node of nodes) {
    byId.set(node.id, node);
    for (const child of node.children ?? []) parents.set(child, node);
  }
  const known = new Map<number, string>();
  const areaOf = (node: ProfileNode | undefined): string => {
    if (node === undefined) return rest;
    const before = known.get(node.id);
    if (before !== undefined) return before;
    const { functionName, url } = node.callFrame;
    const area = ofEngine.get(functionName) ?? ofFiles.find(([file]) => file.test(url))?.[1] ?? areaOf(parents.get(node.id));
    known.set(node.id, area);
    return area;
  };
  const sums = new Map<string, number>();
  for (const [index, id] of samples.entries()) {
    const area = areaOf(byId.get(id));
    sums.set(area, (sums.get(area) ?? 0) + (timeDeltas[index] ?? 0));
  }
  return [...sums].map(([area, us]) => ({ area, us })).toSorted((a, b) => b.us - a.us);
}
