import * as fc from 'fast-check';
import { v5 } from 'uuid';
import { describe, expect, it } from 'vitest';
import { kinds } from '../../../batches/instruction/instruction.ts';
import { createKeyDerivation } from '../../../batches/record/idempotency-key.ts';

const namespaceOf = (project: string): string => v5(`urn:disburse:v1:${project}`, v5.URL);

describe('idempotency keys', () => {
  it('equal the results of the documented formula', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.constantFrom(...kinds),
        fc.stringMatching(/^[A-Za-z0-9._:-]{1,64}$/),
        fc.integer({ min: 1, max: 99 }),
        (project, kind, recordId, attempt) => {
          const keys = createKeyDerivation(project);
          const namespace = namespaceOf(project);
          expect(keys.idempotencyKey(kind, recordId, attempt)).toBe(v5(`${kind}:${recordId}:${attempt}`, namespace));
          const event = { place: `file:abc:${attempt}`, attempt, sequence: 7 };
          expect(keys.eventId({ ...event, status: 'failed' })).toBe(v5(`result:file:abc:${attempt}:${attempt}:failed`, namespace));
          expect(keys.eventId({ ...event, status: 'unknown' })).toBe(v5(`result:file:abc:${attempt}:${attempt}:unknown:7`, namespace));
        },
      ),
    );
  });

  it('do not change from one release to the next', () => {
    expect(createKeyDerivation('demo').idempotencyKey('payout', 'inv-1', 1)).toBe('3fca8854-c8fe-5b31-92ed-b90af92c706f');
  });

  it('differ by project, kind, record id and attempt', () => {
    const keys = createKeyDerivation('a');
    const made = [
      keys.idempotencyKey('payout', 'r', 1),
      keys.idempotencyKey('payment', 'r', 1),
      keys.idempotencyKey('payout', 's', 1),
      keys.idempotencyKey('payout', 'r', 2),
      createKeyDerivation('b').idempotencyKey('payout', 'r', 1),
    ];
    expect(new Set(made).size).toBe(made.length);
  });
});
