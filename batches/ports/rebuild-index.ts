import type { PublishedHead } from '../audit/hash-chain.ts';
import type { ResultEvent } from '../record/result-event.ts';

/** A result of a record, and the place that it speaks of. */
export interface KeptResult {
  readonly place: string;
  readonly event: ResultEvent;
}

/** When a message or a result of a record was made, in milliseconds since the epoch, and by whose clock. */
export interface ShownTime {
  readonly at: number;
  readonly by: 'broker' | 'producer' | 'result';
}

/** What a rebuild remembers while it reads the topics: there may be millions of results. */
export interface RebuildIndex {
  /** The result that was kept for this record id. */
  newest(recordId: string): KeptResult | undefined;
  /** Replaces the one that was kept. */
  keepNewest(recordId: string, result: KeptResult): void;
  removeNewest(recordId: string): void;

  /** Of a place the one of the highest rank is kept, and of these the one with the highest sequence. */
  keepSettled(result: KeptResult, rank: number): void;
  isSettled(place: string): boolean;
  /** The result that was kept for each place. */
  settled(): Iterable<ResultEvent>;

  /** Keeps the highest. */
  raiseSequence(recordId: string, sequence: number): void;
  /** 0 when none was kept. */
  sequence(recordId: string): number;

  /** Keeps the one with the highest number. */
  noteHead(recordId: string, head: PublishedHead): void;
  /** Null when no result showed one. */
  head(recordId: string): PublishedHead | null;

  noteTime(recordId: string, shown: ShownTime): void;
  /** `isReliable`: a broker has dated a message of the record, and no message of it has a time of its producer. */
  time(recordId: string): { readonly earliest: number | undefined; readonly isReliable: boolean };

  /** What a message of the record asks for. */
  noteContent(recordId: string, fingerprint: string): void;
  /** False when messages that were noted differ. */
  hasOneContent(recordId: string): boolean;

  markRestored(recordId: string): void;
  isRestored(recordId: string): boolean;
  /** The results kept for record ids that are not restored. */
  unrestored(): Iterable<ResultEvent>;
  close(): void;
}
