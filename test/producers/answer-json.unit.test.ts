import { describe, expect, it } from 'vitest';
import { readFirstSend } from '../../batches/record/evidence.ts';
import { readAnswerJson } from '../../producers/answer-json.ts';
import { sentRecord, session } from '../support/builders.ts';

const deepEntry = (depth: number): Buffer => {
  const shown = JSON.stringify({ status: 'ok', session: session({ status: 'accepted', entryStatus: 'succeeded' }) });
  return Buffer.from(shown.replace('"id":"po_1"', `"id":"po_1","deep":${'['.repeat(depth)}${']'.repeat(depth)}`));
};

describe('the JSON of an answer', () => {
  it.each([20_000, 200_000])('with an entry that is nested %i levels deep is not believed, and leaves the record open', (depth) => {
    const json = readAnswerJson(deepEntry(depth));
    expect(json).toBeUndefined();
    expect(readFirstSend({ type: 'answer', httpStatus: 200, json }, sentRecord())).toMatchObject({
      type: 'open',
      code: 'answer_untrusted',
    });
  });

  it('that is nested less than 64 levels deep is read', () => {
    const json = readAnswerJson(deepEntry(50));
    expect(readFirstSend({ type: 'answer', httpStatus: 200, json }, sentRecord())).toMatchObject({ type: 'session' });
  });

  it.each(['', '{', '{"a":1,"a":2}', 'null x'])('is undefined for %j', (text) => {
    expect(readAnswerJson(Buffer.from(text))).toBeUndefined();
  });
});
