/**
 * The caller's own metadata: echoed by the gateway and published in results, so nothing secret may be in it, and our
 * members `record_id`, `attempt` and `idempotency_key`, which are added to it when it is sent, may not be contradicted.
 */
import { cardNumberMisplaced, carriesCardNumber } from '../fields/cards.ts';
import { violation, type RuleViolation } from '../fields/rule-violation.ts';
import type { CallerMetadata, Json, JsonObject } from './instruction.ts';
import { freeText, textLimits } from './member-rules.ts';

const checkText = freeText(textLimits.metadata, { allowLines: true });
const checkKey = freeText(textLimits.metadata);

/** Instructions begin with their first attempt; later ones are an operator's. */
const firstAttempt = 1;

export const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

/** One text of the metadata. An empty one is fine, and so are line breaks and tabs. */
export const checkMetadataText = (text: string): RuleViolation | undefined => (text === '' ? undefined : checkText(text));

/** The name of a member of the metadata. What is only odd is not reported. */
export const checkMetadataKey = (key: string): RuleViolation | undefined => {
  const found = key === '' ? undefined : checkKey(key);
  return found?.isWarning === true ? undefined : found;
};

/**
 * Checks what an event carries as metadata. Its depth and size were bounded before.
 *
 * @param report called with the path below `metadata` (empty for the whole) and what is wrong there
 */
export const checkMetadata = (metadata: Json, recordId: string | undefined, report: (path: string, found: RuleViolation) => void): void => {
  const visit = (value: Json, path: string): void => {
    if (typeof value === 'string') {
      const found = checkMetadataText(value);
      if (found !== undefined) report(path, found);
    } else if (typeof value === 'number') {
      if (carriesCardNumber(String(value))) report(path, cardNumberMisplaced);
    } else if (typeof value === 'object' && value !== null) {
      for (const [key, member] of Object.entries(value)) {
        const below = path === '' ? key : `${path}.${key}`;
        const found = checkMetadataKey(key);
        if (found === undefined) visit(member as Json, below);
        else report(path, found);
      }
    }
  };
  if (typeof metadata === 'number' ? !Number.isSafeInteger(metadata) : typeof metadata !== 'string' && !isObject(metadata)) {
    report('', violation('metadata_type', 'Metadata must be a text, a whole number or an object.'));
    return;
  }
  visit(metadata, '');
  if (isObject(metadata)) checkReserved(metadata, recordId, report);
};

/** Our own members in the caller's object must say what we will say. */
export const checkReserved = (
  metadata: JsonObject,
  recordId: string | undefined,
  report: (path: string, found: RuleViolation) => void,
): void => {
  if (recordId !== undefined && metadata['record_id'] !== undefined && metadata['record_id'] !== recordId) {
    report(
      'record_id',
      violation('metadata_record_id', 'metadata.record_id is reserved and differs from the record id: remove or rename it.'),
    );
  }
  if (metadata['attempt'] !== undefined && metadata['attempt'] !== firstAttempt) {
    report('attempt', violation('metadata_attempt', 'metadata.attempt is reserved and is not 1: remove or rename it.'));
  }
  // It follows from the project too, which is not known where a file is validated: so it is never the caller's to give.
  if (metadata['idempotency_key'] !== undefined) {
    report('idempotency_key', violation('metadata_idempotency_key', 'metadata.idempotency_key is reserved: remove or rename it.'));
  }
};

/** What is the caller's alone: without our members, and absent when nothing is left. */
export const stripReserved = (metadata: CallerMetadata | undefined): CallerMetadata | undefined => {
  if (!isObject(metadata)) return metadata;
  if (!('record_id' in metadata) && !('attempt' in metadata)) return Object.keys(metadata).length === 0 ? undefined : metadata;
  const { record_id: _recordId, attempt: _attempt, ...rest } = metadata;
  return Object.keys(rest).length === 0 ? undefined : rest;
};
