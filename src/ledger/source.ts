/** How stores keep the source of an occurrence: what the positions of one stream share once, the rest by position. */
import type { Source } from '../../batches/instruction/instruction.ts';

/** What the positions of one stream have in common. */
export type SharedSource = { readonly file: string } | { readonly topic: string; readonly partition: number };

export const sharedSource = (source: Source): SharedSource =>
  'file' in source ? { file: source.file } : { topic: source.topic, partition: source.partition };

export const sourceAt = (shared: SharedSource, position: number): Source =>
  'file' in shared ? { file: shared.file, line: position } : { ...shared, offset: String(position) };

/** Whether a source follows from its stream and its position, as nearly all do. */
export const isImplied = (shared: SharedSource, position: number, source: Source): boolean =>
  source.traceparent === undefined && isPlaceImplied(shared, position, source);

/** The same without the trace, for records that ended so long ago that it is kept nowhere. */
export const isPlaceImplied = (shared: SharedSource, position: number, source: Source): boolean =>
  'file' in source
    ? 'file' in shared && source.file === shared.file && source.line === position
    : 'topic' in shared && source.topic === shared.topic && source.partition === shared.partition && source.offset === String(position);
