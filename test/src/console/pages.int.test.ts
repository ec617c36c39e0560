/** What pages show: the same as the commands, in HTML or as an object. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { csvOf, payouts, row } from '../../support/builders.ts';
import { inScriptedWorld, shows } from '../../e2e/scripted-world.ts';
import { inWorld, type World } from '../../e2e/world.ts';
import { shownText } from './browser.ts';
import { withConsole } from './world.ts';

const objects = async (world: World, args: readonly string[]): Promise<unknown[]> => {
  const { stdout } = await world.command([...args, '--json']);
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown);
};

/** Ages grow between two looks. */
const ageless = (value: unknown): unknown => JSON.parse(JSON.stringify(value).replace(/"(age_seconds|oldest_seconds)":\d+/g, '"$1":0'));

describe('a page', () => {
  it('answers Accept: application/json with what the command of the same name prints', async () => {
    await inWorld({ faults: 'refuse=0.4', seed: 3 }, async (world) => {
      const rows = [...payouts(6), row('bad-1', { iban: 'DE00370400440532013000' })];
      await world.run(world.write('may.csv', csvOf(rows)));
      await withConsole(world, async ({ browser }) => {
        const [summary] = (await objects(world, ['status', 'may.csv'])) as [{ batch_id: string }];
        expect(ageless(await browser.json('/batches'))).toEqual({ items: [ageless(summary)] });
        expect(ageless(await browser.json(`/batches/${summary.batch_id}`))).toEqual(ageless(summary));
        expect(ageless(await browser.json(`/batches/${summary.batch_id.slice(0, 8)}`))).toEqual(ageless(summary));
        for (const query of [
          '',
          'status=failed',
          'status=succeeded,failed&sort=amount&limit=2',
          'currency=eur&status=succeeded',
          'code=account_not_found&status=failed',
        ]) {
          const flags = [...new URLSearchParams(query)].flatMap(([name, value]) => [`--${name}`, value]);
          const shown = (await browser.json(`/records?${query}`)) as { items: unknown };
          expect(ageless(shown.items), query).toEqual(ageless(await objects(world, ['records', ...flags])));
        }
        expect(ageless(await browser.json('/records/p-1'))).toEqual(ageless((await objects(world, ['explain', 'p-1']))[0]));
        expect(ageless(await browser.json('/records/p-1?verify'))).toEqual(
          ageless((await objects(world, ['explain', 'p-1', '--verify']))[0]),
        );
        expect(await browser.json('/alerts')).toEqual({ items: await objects(world, ['alerts']) });
        expect(await browser.json('/dead-letters')).toEqual({ items: [] });
        const config = (await objects(world, ['config']))[0] as { settings: { name: string }[] };
        expect(((await browser.json('/system')) as typeof config).settings.map(({ name }) => name)).toEqual(
          config.settings.map(({ name }) => name),
        );
      });
    });
  });

  it('shows on /system what a ledger is bound to, as config --json does', async () => {
    await inWorld({}, async (world) => {
      await withConsole(world, async ({ browser }) => {
        const { ledger_binding: binding } = (await objects(world, ['config']))[0] as { ledger_binding: Record<string, string | null> };
        expect(binding).toEqual({
          gateway: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/) as string,
          project: expect.stringMatching(/./) as string,
          submerchant: null,
          idempotency_header: 'X-PARTNER-IDEMPOTENCY-KEY',
        });
        expect(await browser.json('/system')).toMatchObject({ ledger_binding: binding });
        const text = shownText((await browser.get('/system')).text);
        for (const value of [binding.gateway, binding.project, binding.idempotency_header]) expect(text).toContain(value);
      });
    });
  });

  it('shows the free disk of the data folder on / and /system, as config --json does', async () => {
    await inWorld({}, async (world) => {
      await world.run(world.write('may.csv', csvOf(payouts(1))));
      await withConsole(world, async ({ browser }) => {
        const { disk } = (await objects(world, ['config']))[0] as { disk: Record<string, number> };
        const sizes = { free_bytes: expect.any(Number) as number, total_bytes: disk['total_bytes'] };
        expect(disk).toEqual(sizes);
        expect(disk['free_bytes']).toBeGreaterThan(0);
        for (const path of ['/', '/system']) {
          expect(await browser.json(path)).toMatchObject({ disk: sizes });
          expect(shownText((await browser.get(path)).text)).toMatch(/\d+(\.\d)? [MG]iB free of \d/);
        }
        expect(await browser.json('/')).not.toHaveProperty('instances');
        expect(await browser.json('/system')).not.toHaveProperty('topics');
      });
    });
  });

  it('shows the balance of each currency to the cent, and what needs a person', async () => {
    await inScriptedWorld(
      (call) =>
        call.body.metadata?.record_id === 'p-2'
          ? { status: 400, body: { status: 'error', error: { code: 'account_not_found', description: 'no such account' } } }
          : shows(call, 'accepted', 'succeeded'),
      async (world) => {
        await world.run(world.write('may.csv', csvOf([...payouts(3), row('u-1', { amount: '1000.50', currency: 'USD' })])));
        await withConsole(world, async ({ browser }) => {
          const page = shownText((await browser.get('/')).text);
          expect(page).toContain('Balanced: every row received is accounted for');
          expect(page).toMatch(/EUR 6\.21 3 4\.14 2 2\.07 1 balanced/);
          expect(page).toMatch(/USD 1,000\.50 1 1,000\.50 1 balanced/);
          expect(page).toMatch(/Failed failed 1 EUR 2\.07/);
          expect(await browser.json('/')).toMatchObject({
            balanced: true,
            balance: [
              {
                currency: 'EUR',
                received: { count: 3, amount: '6.21' },
                statuses: { failed: { count: 1, amount: '2.07' } },
                balanced: true,
              },
              { currency: 'USD', received: { count: 1, amount: '1000.50' } },
            ],
            needs_you: [{ what: 'failed', count: 1, amounts: { EUR: '2.07' } }],
          });
        });
      },
    );
  });

  it('of a batch groups what went wrong by code and column, of rejected rows too', async () => {
    await inWorld({ faults: 'refuse=1' }, async (world) => {
      const bad = [1, 2].map((number) => row(`bad-${number}`, { iban: 'DE00370400440532013000' }));
      await world.run(world.write('may.csv', csvOf([...payouts(2), ...bad])));
      await withConsole(world, async ({ browser }) => {
        const { items } = (await browser.json('/batches')) as { items: { batch_id: string }[] };
        const page = shownText((await browser.get(`/batches/${items[0]?.batch_id ?? ''}`)).text);
        expect(page).toMatch(/iban_\w+ iban 2 EUR 24\.60/);
        expect(page).toMatch(/final 4 at the gateway 0 waiting 0/);
      });
    });
  });

  it('that is not there, or is asked for wrongly, says so with its status and code, as a page and as an object', async () => {
    const wrong = [
      ['/records/none', 404, 'no_record'],
      ['/batches/none12345', 422, 'not_possible'],
      ['/records?status=nothing', 422, 'wrong_parameter'],
      ['/records?limit=0', 422, 'wrong_parameter'],
      ['/records?older-than=soon', 422, 'wrong_parameter'],
      ['/records?sort=luck', 422, 'wrong_parameter'],
      ['/nothing', 404, 'not_found'],
    ] as const;
    await inWorld({}, async (world) => {
      await world.run(world.write('may.csv', csvOf(payouts(1))));
      await withConsole(world, async ({ browser }) => {
        for (const [path, status, code] of wrong) {
          const got = await browser.get(path, { accept: 'application/json' });
          expect([got.status, (got.json() as { error: string }).error], path).toEqual([status, code]);
          expect((await browser.get(path)).text).toContain('<h1>');
        }
      });
    });
  });

  it('says that there is no ledger yet before the first file, and shows the first file without a restart', async () => {
    await inWorld({}, async (world) => {
      await withConsole(world, async ({ browser }) => {
        expect(await browser.json('/')).toMatchObject({ error: 'no_ledger' });
        expect((await browser.get('/system')).status).toBe(200);
        await world.run(world.write('may.csv', csvOf(payouts(1))));
        expect(shownText((await browser.get('/batches')).text)).toContain('may.csv finished');
      });
    });
  });
});

describe('text from outside', () => {
  const odd = ['<script>alert(1)</script>', '"onload="x', "'><img src=x>", 'a\u202egnp.exe', 'z\u200bw', '&amp;'];

  it('is inert on every page: markup is text, and signs that hide or turn text are shown', async () => {
    await inWorld({ faults: 'refuse=0.5', seed: 2 }, async (world) => {
      const rows = odd.map((text, index) =>
        row(`id${index} ${index < 3 ? text : ''}`.trim().replaceAll(' ', '-'), { description: text.replace(/[\u200b\u202e]/g, '') }),
      );
      const path = join(world.folder, '<b>may\u202e.csv');
      writeFileSync(path, csvOf(rows));
      await world.command(['run', path, '--json']);
      await withConsole(world, async ({ browser }) => {
        const { items } = (await browser.json('/batches')) as { items: { batch_id: string }[] };
        const listed = (await browser.json('/records?status=succeeded,failed,rejected')) as { items: { record_id: string }[] };
        const paths = [
          '/',
          '/batches',
          '/records?status=succeeded,failed',
          `/batches/${items[0]?.batch_id ?? ''}`,
          '/alerts',
          '/system',
          ...listed.items.map(({ record_id: id }) => `/records/${encodeURIComponent(id)}`),
          '/records?batch=%3Cscript%3Ealert(1)%3C/script%3E',
        ];
        for (const one of paths) {
          const { text } = await browser.get(one);
          expect(text, one).not.toMatch(/<script>|<img|<b>may|onload="x|[\u202a-\u202e\u2066-\u2069\u200b-\u200f\ufeff]/);
        }
        expect(shownText((await browser.get('/batches')).text)).toContain('<b>may\\u202e.csv');
      });
    });
  });
});

describe('/records', () => {
  it('goes on where a page ends, and each record is on one page', async () => {
    await inWorld({}, async (world) => {
      await world.run(world.write('may.csv', csvOf(payouts(7))));
      await withConsole(world, async ({ browser }) => {
        const seen: string[] = [];
        for (let path: string | undefined = '/records?status=succeeded&sort=id&limit=3'; path !== undefined;) {
          const got = (await browser.json(path)) as { items: { record_id: string }[]; next?: string };
          seen.push(...got.items.map(({ record_id: id }) => id));
          path = got.next;
        }
        expect(seen).toEqual(['p-1', 'p-2', 'p-3', 'p-4', 'p-5', 'p-6', 'p-7']);
      });
    });
  });
});

describe('/events', () => {
  it('says that something has changed when a record moves, and ends with the console', async () => {
    await inWorld({}, async (world) => {
      await world.run(world.write('may.csv', csvOf(payouts(1))));
      let text = '';
      let ended: Promise<void> | undefined;
      await withConsole(world, async ({ browser, server }) => {
        const answered = await fetch(`${server.url}/events`, { headers: { cookie: browser.cookie() } });
        expect(answered.headers.get('content-type')).toContain('text/event-stream');
        ended = (async () => {
          for await (const chunk of answered.body ?? []) text += Buffer.from(chunk as Uint8Array).toString('utf8');
        })().catch(() => undefined);
        await expect.poll(() => (text.match(/event: change/g) ?? []).length, { timeout: 20_000 }).toBe(1);
        await world.run(world.write('june.csv', csvOf(payouts(2, 'q'))));
        await expect.poll(() => (text.match(/event: change/g) ?? []).length, { timeout: 20_000 }).toBeGreaterThan(1);
      });
      await ended;
    });
  });
});
