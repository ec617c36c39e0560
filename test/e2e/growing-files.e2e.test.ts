/** Files that are still being written when `serve` takes them: nothing is lost, and nothing is paid twice. */
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { csvOf, payouts } from '../support/builders.ts';
import { inWorld, until, type World } from './world.ts';

/** Files rest for a short time, so that a pause of the writer is longer. */
async function serving(
  world: World,
  work: (inbox: string, log: () => string) => Promise<void>,
  more: Record<string, string> = {},
): Promise<void> {
  const inbox = join(world.folder, 'inbox');
  mkdirSync(inbox);
  const serve = world.begin(['serve'], { HTTP_PORT: '0', INBOX_DIR: inbox, INBOX_REST: '300ms', ...more });
  try {
    await work(inbox, serve.stderr);
  } finally {
    serve.kill('SIGTERM');
  }
  const ended = await serve.ended;
  expect(ended.code, ended.stderr).toBe(0);
}

const paidIds = (world: World): string[] =>
  world.sandbox
    .payments()
    .map((payment) => payment.record_id ?? '')
    .toSorted();
const ids = (count: number): string[] =>
  payouts(count)
    .map(({ record_id: id }) => id ?? '')
    .toSorted();
const ackOf = (inbox: string): { readonly rows: number } | undefined => {
  const path = join(inbox, 'done', 'big.csv.ack.json');
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as { rows: number }) : undefined;
};

describe('a file that grows after it was taken', () => {
  const whole = csvOf(payouts(40));
  const half = csvOf(payouts(20));

  it('is read again as a whole: every row is paid once, and the acknowledgement is that of the whole file', async () => {
    await inWorld({}, async (world) => {
      await serving(world, async (inbox, log) => {
        writeFileSync(join(inbox, 'big.csv'), half);
        await until('the half to be done', () => existsSync(join(inbox, 'done', 'big.csv')));
        expect(ackOf(inbox)).toMatchObject({ rows: 20 });
        // The writer has it open still.
        appendFileSync(join(inbox, 'done', 'big.csv'), whole.slice(half.length));
        await until(
          'the whole file to be done',
          () => paidIds(world).length === 40 && existsSync(join(inbox, 'done', 'big.csv.1.results.csv')),
        );
        expect(log()).toContain('changed after it was processed');
      });
      expect(paidIds(world)).toEqual(ids(40));
    });
  });

  it('while it is being paid sends no more of what was read, and pays every row of the whole file once', async () => {
    await inWorld({}, async (world) => {
      const slow = { DISPATCH_RATE: '10' };
      await serving(
        world,
        async (inbox, log) => {
          writeFileSync(join(inbox, 'big.csv'), half);
          await until('some to be sent', () => world.sandbox.payments().length >= 3);
          appendFileSync(join(inbox, 'processing', 'big.csv'), whole.slice(half.length));
          await until('all to be paid', () => paidIds(world).length === 40);
          await until('the file to be done', () => ackOf(inbox)?.rows === 40);
          expect(log()).toContain('changed after it was taken');
        },
        slow,
      );
      expect(paidIds(world)).toEqual(ids(40));
    });
  });

  it('while no process runs after a kill frees what was queued, and pays every row of the whole file once', async () => {
    await inWorld({}, async (world) => {
      const inbox = join(world.folder, 'inbox');
      mkdirSync(inbox);
      writeFileSync(join(inbox, 'big.csv'), half);
      const env = { HTTP_PORT: '0', INBOX_DIR: inbox, INBOX_REST: '300ms', DISPATCH_RATE: '5' };
      const killed = world.begin(['serve'], env);
      await until('some to be sent', () => world.sandbox.payments().length >= 3);
      killed.kill('SIGKILL');
      await killed.ended;
      appendFileSync(join(inbox, 'processing', 'big.csv'), whole.slice(half.length));
      const serve = world.begin(['serve'], { ...env, DISPATCH_RATE: '100' });
      try {
        await until('the file to be done', () => ackOf(inbox)?.rows === 40, 90_000);
      } finally {
        serve.kill('SIGTERM');
        await serve.ended;
      }
      expect(paidIds(world)).toEqual(ids(40));
    });
  });

  it('in the middle of an amount is not taken before it has rested six times as long', async () => {
    await inWorld({}, async (world) => {
      // Shorter than the pause of the writer; six times as long is more than a machine stalls.
      const rest = { INBOX_REST: '1s' };
      const write = async (inbox: string, log: () => string): Promise<void> => {
        await until('the folder to be watched', () => log().includes('watching the drop folder'));
        const [header = '', row = ''] = csvOf(payouts(1), ',').split('\n');
        const cells = row.split(',');
        const at = header.split(',').indexOf('amount');
        const line = [...cells.slice(0, at), ...cells.slice(at + 1), '15'].join(',');
        const names = header.split(',');
        writeFileSync(join(inbox, 'big.csv'), `${[...names.slice(0, at), ...names.slice(at + 1), 'amount'].join(',')}\n${line}`);
        await new Promise((resolve) => setTimeout(resolve, 1_500));
        appendFileSync(join(inbox, 'big.csv'), '00.00\n');
        await until('it to be paid', () => world.sandbox.payments().length === 1);
      };
      await serving(world, write, rest);
      expect(world.sandbox.payments().map(({ amount }) => amount)).toEqual([150_000]);
    });
  });
});

describe('a row that was read in part', () => {
  it('and differs in the whole file is a conflict and an alert', async () => {
    await inWorld({}, async (world) => {
      const [header = '', row = ''] = csvOf(payouts(1)).split('\n');
      await serving(world, async (inbox, log) => {
        writeFileSync(join(inbox, 'big.csv'), `${header}\n${row}\n`);
        await until('the part to be done', () => existsSync(join(inbox, 'done', 'big.csv')));
        writeFileSync(join(inbox, 'done', 'big.csv'), `${header}\n${row.replace('1.07', '1500.07')}\n`);
        await until('the whole file to be done', () => existsSync(join(inbox, 'done', 'big.csv.1.results.csv')));
        expect(log()).toContain('"alert":"file_changed"');
        expect(readFileSync(join(world.dataDir, 'alerts.jsonl'), 'utf8')).toContain('"alert":"file_changed"');
      });
      expect(world.sandbox.payments().length).toBe(1);
    });
  });
});

describe('the rest of a file that was taken too early', () => {
  it('is refused with the advice to drop the whole file again', async () => {
    await inWorld({}, async (world) => {
      const [header = '', ...rows] = csvOf(payouts(4)).split('\n');
      await serving(world, async (inbox, log) => {
        writeFileSync(join(inbox, 'slow.csv'), `${[header, ...rows.slice(0, 2)].join('\n')}\n`);
        await until('the first part to be done', () => existsSync(join(inbox, 'done', 'slow.csv')));
        writeFileSync(join(inbox, 'slow.csv'), `${rows.slice(2, 4).join('\n')}\n`);
        await until('the rest to be refused', () => existsSync(join(inbox, 'refused', 'slow.csv')));
        expect(readFileSync(join(inbox, 'refused', 'slow.csv.ack.txt'), 'utf8')).toContain('INBOX_REST');
        expect(log()).toContain('A file of this name ended less than an hour ago');
      });
      expect(world.sandbox.payments().length).toBe(2);
    });
  });
});
