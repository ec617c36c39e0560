/**
 * The members of a result event that are needed on its way out, from its text: a pattern for the beginning that this
 * program writes costs a small part of parsing all of it. Any other text is parsed.
 */
import type { ResultEvent } from './result-event.ts';

export type ResultMembers = Pick<ResultEvent, 'record_id' | 'kind' | 'status' | 'occurred_at'>;

/** No text in it has an escape, so that each is as it was before it was written. */
const beginning =
  /^\{"event_id":"[^"\\]*","sequence":\d+,"status":"([^"\\]*)","final":[a-z]+,"batch_id":"[^"\\]*","source":\{(?:"[^"\\]*"|[^"{}])*\},"occurred_at":"([^"\\]*)","version":1,"record_id":"([^"\\]*)","kind":"([^"\\]*)"[,}]/;

/** Before the source there is no object, and in it each text is taken whole, the name of a file too. */
const traced = /^\{[^{}]*"source":\{(?:"(?:[^"\\]|\\.)*"|[^"{}])*?"traceparent":"(00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2})"/;

/** @param json the text of a result event */
export const traceparentOf = (json: string): string | undefined => (json.includes('"traceparent":"') ? traced.exec(json)?.[1] : undefined);

/** @param json the text of a result event, or of another event that may have these members */
export function resultMembers(json: string): Partial<ResultMembers> {
  const found = beginning.exec(json);
  if (found === null) return JSON.parse(json) as Partial<ResultMembers>;
  const [, status, at, recordId, kind] = found;
  return { status, occurred_at: at, record_id: recordId, kind } as Partial<ResultMembers>;
}
