import type { PublishedHead } from '../../batches/audit/hash-chain.ts';
import type { KeptResult, RebuildIndex } from '../../batches/ports/rebuild-index.ts';

/** A rebuild's index in memory. */
export function createMapIndex(): RebuildIndex {
  const newest = new Map<string, KeptResult>();
  const settled = new Map<string, KeptResult & { readonly rank: number }>();
  const sequences = new Map<string, number>();
  const heads = new Map<string, PublishedHead>();
  const times = new Map<string, { earliest: number; broker: boolean; producer: boolean }>();
  const contents = new Map<string, Set<string>>();
  const restored = new Set<string>();
  return {
    newest: (recordId) => newest.get(recordId),
    keepNewest: (recordId, result) => void newest.set(recordId, result),
    removeNewest: (recordId) => void newest.delete(recordId),
    keepSettled(result, rank) {
      const kept = settled.get(result.place);
      if (kept === undefined || rank > kept.rank || (rank === kept.rank && result.event.sequence > kept.event.sequence))
        settled.set(result.place, { ...result, rank });
    },
    isSettled: (place) => settled.has(place),
    settled: () => [...settled.values()].map(({ event }) => event),
    raiseSequence: (recordId, sequence) => void sequences.set(recordId, Math.max(sequence, sequences.get(recordId) ?? 0)),
    sequence: (recordId) => sequences.get(recordId) ?? 0,
    noteHead(recordId, head) {
      if (head.number > (heads.get(recordId)?.number ?? 0)) heads.set(recordId, head);
    },
    head: (recordId) => heads.get(recordId) ?? null,
    noteTime(recordId, { at, by }) {
      const { earliest, broker, producer } = times.get(recordId) ?? { earliest: at, broker: false, producer: false };
      times.set(recordId, { earliest: Math.min(earliest, at), broker: broker || by === 'broker', producer: producer || by === 'producer' });
    },
    time(recordId) {
      const found = times.get(recordId);
      return { earliest: found?.earliest, isReliable: found !== undefined && found.broker && !found.producer };
    },
    noteContent: (recordId, fingerprint) => void contents.set(recordId, (contents.get(recordId) ?? new Set()).add(fingerprint)),
    hasOneContent: (recordId) => (contents.get(recordId)?.size ?? 0) <= 1,
    markRestored: (recordId) => void restored.add(recordId),
    isRestored: (recordId) => restored.has(recordId),
    unrestored: () => [...newest].filter(([recordId]) => !restored.has(recordId)).map(([, { event }]) => event),
    close: () => undefined,
  };
}
