/** What pages ask of Kafka: seldom, once at a time, and never waited for. */
import { describe, expect, it } from 'vitest';
import { keep } from '../../../src/console/cluster.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

function asking() {
  const asked: PromiseWithResolvers<number>[] = [];
  const clock = createVirtualClock();
  const look = keep(() => {
    const one = Promise.withResolvers<number>();
    asked.push(one);
    return one.promise;
  }, clock);
  return { asked, clock, look };
}
const late = { type: 'failed', why: 'Kafka did not answer within 3 s.' };

describe('what a page asks of Kafka', () => {
  it('is asked once for pages that are made at the same time, and kept for 10 s', async () => {
    const { asked, clock, look } = asking();
    const pages = [look(), look()];
    asked[0]?.resolve(2);
    expect(await Promise.all(pages)).toEqual([
      { type: 'found', value: 2 },
      { type: 'found', value: 2 },
    ]);
    await clock.pass(9_999);
    expect(await look()).toEqual({ type: 'found', value: 2 });
    expect(asked).toHaveLength(1);
    await clock.pass(1);
    const third = look();
    asked[1]?.resolve(3);
    expect(await third).toEqual({ type: 'found', value: 3 });
  });

  it('that Kafka does not answer is given up after 3 s, at once by later pages, and not asked a second time meanwhile', async () => {
    const { asked, clock, look } = asking();
    const first = look();
    await clock.pass(3_000);
    expect(await first).toEqual(late);
    const second = look();
    await clock.pass(0);
    expect(await second).toEqual(late);
    expect(asked).toHaveLength(1);
    asked[0]?.resolve(1);
    expect(await look()).toEqual({ type: 'found', value: 1 });
  });

  it('that fails says why', async () => {
    const { asked, look } = asking();
    const page = look();
    asked[0]?.reject(new Error('Kafka at 127.0.0.1:1 does not report its topics: refused.'));
    expect(await page).toEqual({ type: 'failed', why: 'Kafka at 127.0.0.1:1 does not report its topics: refused.' });
  });
});
