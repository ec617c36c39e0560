/** Files that go later: at a time, and on the next banking day. */
import { describe, expect, it } from 'vitest';
import { csvOf, row } from '../support/builders.ts';
import { inWorld } from './world.ts';

const two = csvOf([row('p-1', { amount: '10.00' }), row('p-2', { amount: '10.00' })]);
const hourMs = 3_600_000;

describe('run --at', () => {
  it('admits the file, sends nothing before the time, and says when it goes; also when it is run again without --at', async () => {
    await inWorld({}, async (world) => {
      const path = world.write('may.csv', two);
      const at = new Date(Math.ceil(Date.now() / 1000) * 1000 + hourMs).toISOString();
      for (const args of [['--at', at], []]) {
        const ran = await world.run(path, args);
        expect(ran.code, ran.stderr).toBe(2);
        expect(ran.summary).toMatchObject({ statuses: { queued: { count: 2 } }, not_before: at });
        expect(ran.stderr.replaceAll(/\s+/g, ' ')).toContain(`2 records are not sent before ${at}`);
      }
      expect(world.events()).toMatchObject(Array(2).fill({ status: 'queued', error: { code: 'not_before' } }));
    });
  });

  it('within --wait waits for the time, and pays then', async () => {
    await inWorld({}, async (world) => {
      const ran = await world.run(world.write('may.csv', two), ['--at', new Date(Date.now() + 6_000).toISOString(), '--wait', '60s']);
      expect(ran, ran.stderr).toMatchObject({ code: 0, summary: { state: 'finished', statuses: { succeeded: { count: 2 } } } });
      const [session] = world.events().filter(({ status }) => status === 'succeeded');
      expect(Date.parse(session?.occurred_at ?? '')).toBeGreaterThanOrEqual(Date.parse(ran.summary.not_before ?? ''));
    });
  });

  it.each(['2020-01-01T00:00Z', 'tomorrow', '-10m'])('with %s is an error of usage', async (at) => {
    await inWorld({}, async (world) => {
      expect(await world.command(['run', world.write('may.csv', two), `--at=${at}`])).toMatchObject({ code: 1 });
    });
  });
});

describe('HOLIDAYS_FILE', () => {
  it('makes payouts of its currencies wait for the next banking day, and no others', async () => {
    await inWorld({}, async (world) => {
      const days = [0, 1, 2].map((day) => new Date(Date.now() + day * 24 * hourMs).toISOString().slice(0, 10));
      const content = { version: 1, date: '2026-11-28', currencies: { EUR: { holidays: days, weekend: [] } } };
      const holidays = { HOLIDAYS_FILE: world.write('holidays.json', JSON.stringify(content)) };
      const file = csvOf([row('p-1', { amount: '10.00' }), row('p-2', { amount: '10.00', currency: 'USD' })]);
      const ran = await world.run(world.write('may.csv', file), [], holidays);
      expect(ran.code, ran.stderr).toBe(2);
      expect(ran.summary).toMatchObject({
        statuses: { queued: { count: 1, amounts: { EUR: '10.00' } }, succeeded: { count: 1, amounts: { USD: '10.00' } } },
      });
      expect(ran.summary.not_before?.slice(0, 10)).toBe(new Date(Date.now() + 3 * 24 * hourMs).toISOString().slice(0, 10));
    });
  });

  it.each([
    ['no JSON', '{', 'not JSON'],
    ['an unknown member', '{"version":1,"date":"2026-11-28","currencies":{"EUR":{"cutoff":"15:00"}}}', 'currencies.EUR'],
    ['an hour that is none', '{"version":1,"date":"2026-11-28","currencies":{"EUR":{"cut_off":"25:00"}}}', 'cut_off'],
    ['a currency that is none', '{"version":1,"date":"2026-11-28","currencies":{"EUX":{}}}', 'EUX'],
    ['a zone that is none', '{"version":1,"date":"2026-11-28","currencies":{"EUR":{"zone":"Europe/Nowhere"}}}', 'zone'],
  ])('with %s is exit 1, says where, and nothing is paid', async (_, content, where) => {
    await inWorld({}, async (world) => {
      const ended = await world.command(['run', world.write('may.csv', two)], { HOLIDAYS_FILE: world.write('holidays.json', content) });
      expect(ended.code).toBe(1);
      expect(ended.stderr.replaceAll(/\s+/g, ' ')).toContain(where);
      expect(world.events()).toEqual([]);
    });
  });
});
