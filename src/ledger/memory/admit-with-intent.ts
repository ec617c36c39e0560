/** Admits a new occurrence together with the intent of its record, where nothing refuses that. */
import { checkIntentKey, decideFirstIntent, type FirstIntent } from '../../../batches/record/first-intent.ts';
import type { Admission, IntentVerdict } from '../../../batches/record/record.ts';
import { admit, type Writer } from './admit.ts';
import { advance } from './advance.ts';
import { placeOf } from './store.ts';

/** @throws TypeError for an unknown batch and for an intent under another key, RangeError for an admission out of bounds */
export function admitWithIntent(writer: Writer, admission: Admission, intent: FirstIntent): IntentVerdict {
  const { store, rules } = writer;
  const { content, occurrence } = admission;
  if (content.type !== 'valid' || content.draft.hasCardNumber) return admit(writer, admission);
  const { kind, recordId } = content.draft;
  checkIntentKey({ recordId, idempotencyKey: rules.keys.idempotencyKey(kind, recordId, 1) }, intent);
  const isNew = !store.occurrences.has(placeOf(occurrence)) && !store.records.has(recordId) && !store.unboundSequences.has(recordId);
  const verdict = admit(writer, admission);
  if (!isNew || verdict.type !== 'admitted') return verdict;
  const change = decideFirstIntent(rules, verdict.record, intent);
  return advance(writer, change).ok ? { type: 'intended', record: change.after } : verdict;
}
