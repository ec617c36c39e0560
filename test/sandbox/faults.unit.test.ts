import { describe, expect, it } from 'vitest';
import { createSeededRandom } from '../../sandbox/seeded-random.ts';
import { faultNames, applyFaults, applyWebhookFaults, parseFaults } from '../../sandbox/faults.ts';

describe('parseFaults', () => {
  it('parses names and rates', () => {
    expect(parseFaults('lost-answer=0.05, slow=1,http-500=.5,refuse=0')).toEqual({
      'lost-answer': 0.05,
      slow: 1,
      'http-500': 0.5,
      refuse: 0,
    });
    expect(parseFaults('')).toEqual({});
  });

  it('names an unknown fault and lists all faults', () => {
    expect(() => parseFaults('lost-anwser=0.1')).toThrow(/unknown fault "lost-anwser".*lost-request, lost-answer, slow/);
  });

  it.each(['slow', 'slow=', 'slow=1.01', 'slow=-0.1', 'slow=5%', 'slow=0.1=0.2', 'slow=1e-3', 'slow=NaN'])(
    'names the bad rate of %s',
    (text) => {
      expect(() => parseFaults(text)).toThrow(`"${text}": a rate is a number from 0 to 1`);
    },
  );

  it('reports all mistakes together', () => {
    expect(() => parseFaults('a=1,slow=2,refuse=1,refuse=1')).toThrow(/"a".*"slow=2".*"refuse" is given twice/);
  });
});

describe('seeded randomness', () => {
  const many = Array.from({ length: 4000 }, (_, index) => `key-${index}`);
  const struck = (seed: number, name: 'refuse' | 'wrongAmount', ordinal = 1) =>
    many.filter((key) => applyFaults({ refuse: 0.1, 'wrong-amount': 0.1 }, createSeededRandom(seed)('shop', key, ordinal))[name]);

  it('gives the same draws for the same seed, key and ordinal in any order', () => {
    const draws = createSeededRandom(7);
    const forwards = many.map((key) => draws('shop', key, 1).token);
    const backwards = many.toReversed().map((key) => draws('shop', key, 1).token);
    expect(backwards.toReversed()).toEqual(forwards);
    expect(new Set(forwards).size).toBe(many.length);
  });

  it('gives a fault about as often as its rate, and independently for another seed, ordinal or fault', () => {
    const first = struck(1, 'refuse');
    expect(first.length).toBeGreaterThan(300);
    expect(first.length).toBeLessThan(500);
    expect(struck(2, 'refuse')).not.toEqual(first);
    expect(struck(1, 'refuse', 2)).not.toEqual(first);
    expect(struck(1, 'wrongAmount')).not.toEqual(first);
  });

  it('gives no fault at rate 0 and every fault at rate 1', () => {
    for (const key of many.slice(0, 300)) {
      const draws = createSeededRandom(1)('shop', key, 1);
      expect(applyFaults({}, draws)).toEqual({
        before: undefined,
        refuse: false,
        failLater: false,
        wrongAmount: false,
        slowMs: 0,
        lostAnswer: 'no',
      });
      expect(applyWebhookFaults({}, draws)).toEqual({ lost: false, lateMs: 0, isReordered: false, repeatAfterMs: undefined });
      const all = Object.fromEntries(faultNames.map((name) => [name, 1]));
      const faults = applyFaults(all, draws);
      expect(faults).toMatchObject({ before: 'lost-request', refuse: true, failLater: true, wrongAmount: true });
      expect(faults.lostAnswer).not.toBe('no');
      expect(faults.slowMs).toBeGreaterThanOrEqual(1000);
      expect(faults.slowMs).toBeLessThan(3000);
      expect(applyWebhookFaults(all, draws)).toMatchObject({ lost: true, repeatAfterMs: expect.any(Number) });
      expect(applyWebhookFaults(all, draws).lateMs).toBeGreaterThanOrEqual(1000);
    }
  });
});
