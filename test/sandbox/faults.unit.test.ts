import { describe, expect, it } from 'vitest';
import { createChance } from '../../sandbox/seeded-random.ts';
import { faultNames, meet, meetWebhook, parseFaults } from '../../sandbox/faults.ts';

describe('parseFaults', () => {
  it('reads names and rates', () => {
    expect(parseFaults('lost-answer=0.05, slow=1,http-500=.5,refuse=0')).toEqual({
      'lost-answer': 0.05,
      slow: 1,
      'http-500': 0.5,
      refuse: 0,
    });
    expect(parseFaults('')).toEqual({});
  });

  it('names an unknown fault and lists those there are', () => {
    expect(() => parseFaults('lost-anwser=0.1')).toThrow(/unknown fault "lost-anwser".*lost-request, lost-answer, slow/);
  });

  it.each(['slow', 'slow=', 'slow=1.01', 'slow=-0.1', 'slow=5%', 'slow=0.1=0.2', 'slow=1e-3', 'slow=NaN'])(
    'names the bad rate of %s',
    (text) => {
      expect(() => parseFaults(text)).toThrow(`"${text}": a rate is a number from 0 to 1`);
    },
  );

  it('tells all mistakes together', () => {
    expect(() => parseFaults('a=1,slow=2,refuse=1,refuse=1')).toThrow(/"a".*"slow=2".*"refuse" is named twice/);
  });
});

describe('chance', () => {
  const many = Array.from({ length: 4000 }, (_, index) => `key-${index}`);
  const struck = (seed: number, name: 'refuse' | 'wrongAmount', ordinal = 1) =>
    many.filter((key) => meet({ refuse: 0.1, 'wrong-amount': 0.1 }, createChance(seed)('shop', key, ordinal))[name]);

  it('is the same for the same seed, key and ordinal, in whatever order it is drawn', () => {
    const chance = createChance(7);
    const forwards = many.map((key) => chance('shop', key, 1).token);
    const backwards = many.toReversed().map((key) => chance('shop', key, 1).token);
    expect(backwards.toReversed()).toEqual(forwards);
    expect(new Set(forwards).size).toBe(many.length);
  });

  it('strikes about as often as its rate says, and otherwise for another seed, ordinal or fault', () => {
    const first = struck(1, 'refuse');
    expect(first.length).toBeGreaterThan(300);
    expect(first.length).toBeLessThan(500);
    expect(struck(2, 'refuse')).not.toEqual(first);
    expect(struck(1, 'refuse', 2)).not.toEqual(first);
    expect(struck(1, 'wrongAmount')).not.toEqual(first);
  });

  it('never strikes at rate 0 and always at rate 1', () => {
    for (const key of many.slice(0, 300)) {
      const chance = createChance(1)('shop', key, 1);
      expect(meet({}, chance)).toEqual({
        before: undefined,
        refuse: false,
        failLater: false,
        wrongAmount: false,
        slowMs: 0,
        lostAnswer: 'no',
      });
      expect(meetWebhook({}, chance)).toEqual({ lost: false, repeatAfterMs: undefined });
      const all = Object.fromEntries(faultNames.map((name) => [name, 1]));
      const met = meet(all, chance);
      expect(met).toMatchObject({ before: 'lost-request', refuse: true, failLater: true, wrongAmount: true });
      expect(met.lostAnswer).not.toBe('no');
      expect(met.slowMs).toBeGreaterThanOrEqual(1000);
      expect(met.slowMs).toBeLessThan(3000);
      expect(meetWebhook(all, chance)).toMatchObject({ lost: true, repeatAfterMs: expect.any(Number) });
    }
  });
});
