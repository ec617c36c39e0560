import { describe, expect, it } from 'vitest';
import { readTraceparent } from '../../../batches/event/traceparent.ts';
import { traceparentOf } from '../../../batches/record/result-members.ts';

const good = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

describe('a header traceparent', () => {
  it.each([
    [good, good],
    [good.replace(/01$/, '00'), good.replace(/01$/, '00')],
    [good.replace(/^00/, 'cc'), good],
    [`${good.replace(/^00/, 'cc')}-what-a-later-version-adds`, good],
  ])('%s is read as version 00', (text, expected) => {
    expect(readTraceparent(text)).toBe(expected);
  });

  it.each([
    undefined,
    '',
    `${good}-more`,
    good.replace(/^00/, 'ff'),
    good.toUpperCase(),
    `00-${'0'.repeat(32)}-b7ad6b7169203331-01`,
    `00-0af7651916cd43dd8448eb211c80319c-${'0'.repeat(16)}-01`,
    ` ${good}`,
    `${good}\n`,
    '5555341244441115',
  ])('%j is ignored', (text) => {
    expect(readTraceparent(text)).toBeUndefined();
  });
});

describe('the trace of a result event', () => {
  const event = (source: object): string =>
    JSON.stringify({ event_id: 'e', sequence: 1, status: 'succeeded', final: true, batch_id: 'b', source, occurred_at: 't', metadata: {} });

  it('is that of its source, whatever is in the name of the file', () => {
    expect(traceparentOf(event({ topic: 't', partition: 0, offset: '1', traceparent: good }))).toBe(good);
    expect(traceparentOf(event({ file: 'a {"} \\ b.csv', line: 2, traceparent: good }))).toBe(good);
  });

  it('is none without one, and none that a file name or other member imitates', () => {
    expect(traceparentOf(event({ topic: 't', partition: 0, offset: '1' }))).toBeUndefined();
    expect(traceparentOf(event({ file: `"traceparent":"${good}"`, line: 2 }))).toBeUndefined();
    const other = JSON.stringify({ event_id: 'e', batch_id: 'b', source: { file: 'f', line: 1 }, metadata: { traceparent: good } });
    expect(traceparentOf(other)).toBeUndefined();
    const earlier = JSON.stringify({ batch_id: 'b', source: { file: 'f', line: 1 }, earlier: { source: { traceparent: good } } });
    expect(traceparentOf(earlier)).toBeUndefined();
  });
});
