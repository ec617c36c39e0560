/** Runs that end before their time, and run again: nothing is lost, nothing is sent twice. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { describe, it } from 'vitest';
import { csvOf, payouts } from '../support/builders.ts';
import { countsOf, inWorld, linesOf, until, type World } from './world.ts';
import type { Summary } from '../../batches/record/summary.ts';
import { systemClock } from '../../sandbox/clock.ts';

const cli = join(import.meta.dirname, '..', '..', 'src', 'cli.ts');
const sessions = (world: World): string[] => world.sandbox.payments().map((one) => one.record_id ?? '');

/** A slow gateway: every answer takes 1 to 3 s, so that calls are in flight whenever the signal comes. */
const slow = { faults: 'slow=1' };

it('a run that follows a kill during a resend resends at once', async ({ expect }) => {
  let silent = true;
  let calls = 0;
  await inWorld({ confirm: 'auto' }, async (world) => {
    const pass = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
      const body = await buffer(request);
      if (request.url?.includes('/session/init/') === true) calls += 1;
      if (silent) return;
      const headers = Object.entries(request.headers).filter(([name]) => name.startsWith('x-') || name === 'content-type');
      const answer = await fetch(`${world.sandbox.url}${request.url}`, { method: 'POST', headers: headers as [string, string][], body });
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text());
    };
    const front = createServer((request, response) => void pass(request, response).catch(() => response.destroy()));
    await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
    try {
      const env = { GATEWAY_URL: `http://127.0.0.1:${(front.address() as AddressInfo).port}` };
      const path = world.write('may.csv', csvOf(payouts(1)));
      for (const sent of [1, 2]) {
        const running = world.begin(['run', path], env);
        await until(`call ${sent}`, () => calls === sent);
        running.kill('SIGKILL');
        await running.ended;
      }
      silent = false;
      // Else it would wait until the lease of the repeat is over: two minutes.
      const last = world.run(path, [], env);
      await until('the next repeat', () => calls === 3);
      const { code, summary } = await last;
      expect({ code, counts: countsOf(summary) }).toEqual({ code: 0, counts: { succeeded: 1 } });
      expect(sessions(world)).toHaveLength(1);
    } finally {
      front.closeAllConnections();
      front.close();
    }
  });
});

describe.concurrent('a signal', () => {
  it.for(['SIGINT', 'SIGTERM'] as const)(
    '%s lets what is in flight end, ends with 3 and says how to continue',
    async (signal, { expect }) => {
      await inWorld(slow, async (world) => {
        const path = world.write('may.csv', csvOf(payouts(12)));
        const running = world.begin(['run', path, '--json'], { DISPATCH_CONCURRENCY: '4' });
        await until('calls in flight', () => world.sandbox.calls().length >= 4);
        running.kill(signal);
        const ended = await running.ended;
        expect(ended.code).toBe(3);
        expect(ended.stderr).toContain(`interrupted by ${signal}`);
        expect(ended.stderr).toContain('Run the same command again');
        const summary = JSON.parse(ended.stdout) as Summary;
        expect(summary.state).toBe('stopped');
        expect(summary.balanced).toBe(true);
        // Everything in flight was waited for: what the gateway has is known to us by its session.
        expect(countsOf(summary)).toEqual({ in_progress: sessions(world).length, queued: 12 - sessions(world).length });
        expect(sessions(world).length).toBeLessThan(12);

        const again = await world.run(path);
        expect(again.code).toBe(0);
        expect(countsOf(again.summary)).toEqual({ succeeded: 12 });
        expect(new Set(sessions(world)).size).toBe(12);
        expect(sessions(world)).toHaveLength(12);
      });
    },
  );

  it('that comes a second time ends the run at once', async ({ expect }) => {
    // Slow answers do not come at all before the run has ended, so that it cannot end by itself.
    let held = true;
    const setAlarm: typeof systemClock.setAlarm = (...alarm) => (held ? () => undefined : systemClock.setAlarm(...alarm));
    await inWorld({ ...slow, clock: { ...systemClock, setAlarm } }, async (world) => {
      const path = world.write('may.csv', csvOf(payouts(6)));
      const running = world.begin(['run', path, '--json']);
      await until('calls in flight', () => world.sandbox.calls().length >= 6);
      running.kill('SIGINT');
      await until('the first word', () => running.stderr().includes('press Ctrl-C again'));
      running.kill('SIGINT');
      const ended = await running.ended;
      expect(ended.code).toBe(3);
      expect(ended.stdout).toBe('');
      held = false;
      const again = await world.run(path, ['--wait', '60s']);
      const { unknown = 0, succeeded = 0 } = countsOf(again.summary);
      expect(unknown + succeeded).toBe(6);
      expect(sessions(world)).toHaveLength(6);
    });
  });

  it('while the run waits for the gateway ends the wait', async ({ expect }) => {
    await inWorld({}, async (world) => {
      const path = world.write('may.csv', csvOf(payouts(30)));
      await world.sandbox.close();
      const running = world.begin(['run', path, '--json']);
      await until('the breaker', () => running.stderr().includes('the gateway cannot be reached: sending is paused'));
      running.kill('SIGINT');
      const ended = await running.ended;
      expect(ended.code).toBe(3);
      expect(countsOf(JSON.parse(ended.stdout) as Summary)).toEqual({ queued: 30 });
    });
  });

  it('while sessions are followed leaves them in progress', async ({ expect }) => {
    await inWorld({ settleMs: 60_000 }, async (world) => {
      const path = world.write('may.csv', csvOf(payouts(3)));
      const running = world.begin(['run', path, '--json']);
      await until('all sessions', () => sessions(world).length === 3);
      running.kill('SIGINT');
      const ended = await running.ended;
      expect(ended.code).toBe(3);
      const { in_progress = 0, submitting = 0 } = countsOf(JSON.parse(ended.stdout) as Summary);
      expect([in_progress, submitting]).toEqual([3, 0]);
    });
  });
});

describe.concurrent('kill -9', () => {
  it('at any moment loses no record and pays none twice', async ({ expect }) => {
    await inWorld({ faults: 'lost-answer=0.03,http-500=0.02', confirm: 'auto' }, async (world) => {
      const count = 300;
      const path = world.write('may.csv', csvOf(payouts(count)));
      const env = { DISPATCH_RATE: '300' };
      for (const enough of [1, 80, 170]) {
        const running = world.begin(['run', path, '--json'], env);
        await until(`${enough} sessions`, () => sessions(world).length >= enough);
        running.kill('SIGKILL');
        expect((await running.ended).signal).toBe('SIGKILL');
      }
      const last = await world.run(path);
      const { succeeded = 0, unknown = 0, ...others } = countsOf(last.summary);
      expect(others).toEqual({});
      expect(succeeded + unknown).toBe(count);
      expect(last.code).toBe(unknown > 0 ? 2 : 0);
      expect(last.summary).toMatchObject({ state: unknown > 0 ? 'waiting' : 'finished', balanced: true, received: { count } });
      expect(new Set(sessions(world)).size).toBe(count);
      expect(sessions(world)).toHaveLength(count);
      const events = world.events();
      expect(new Set(events.map((event) => event.event_id)).size).toBe(events.length);
      expect(events.filter(({ final }) => final)).toHaveLength(succeeded);
      const told = new Set(events.filter(({ status }) => status === 'unknown').map((event) => event.error?.code));
      for (const code of told) expect(code).toBeTypeOf('string');
    });
  }, 180_000);
});

describe.concurrent('the data folder', () => {
  it('is held by one run, and a second names the holder', async ({ expect }) => {
    await inWorld({ settleMs: 60_000 }, async (world) => {
      const running = world.begin(['run', world.write('may.csv', csvOf(payouts(1)))]);
      await until('a session', () => sessions(world).length === 1);
      const second = await world.command(['run', world.write('june.csv', csvOf(payouts(1, 'j')))]);
      expect(second.code).toBe(3);
      expect(second.stderr).toContain(`held by process ${running.child.pid}`);
      expect(sessions(world)).toEqual(['p-1']);
      // Who only looks is not kept out.
      const status = await world.command(['status', '--json']);
      expect(status.code).toBe(0);
      expect((JSON.parse(status.stdout) as Summary).state).toBe('running');
      running.kill('SIGKILL');
      await running.ended;
    });
  });

  it.for([{ GATEWAY_PROJECT: 'other' }, { GATEWAY_SUBMERCHANT: 'someone' }, { GATEWAY_URL: 'http://127.0.0.1:9' }])(
    'of another gateway, project or submerchant is refused: %o',
    async (env, { expect }) => {
      await inWorld({}, async (world) => {
        const path = world.write('may.csv', csvOf(payouts(1)));
        await world.run(path);
        const ended = await world.command(['run', path], env as Record<string, string>);
        expect(ended.code).toBe(1);
        expect(ended.stderr).toContain('belongs to');
        expect(ended.stderr).toContain(Object.values(env)[0]);
      });
    },
  );

  it('for a gateway that is not on loopback is created with --new-ledger only', async ({ expect }) => {
    await inWorld({}, async (world) => {
      const path = world.write('may.csv', csvOf(payouts(1)));
      const ended = await world.command(['run', path], { GATEWAY_URL: 'https://gateway.invalid' });
      expect(ended.code).toBe(1);
      expect(ended.stderr).toContain('--new-ledger');
    });
  });

  it('that lost its ledger key is refused', async ({ expect }) => {
    await inWorld({}, async (world) => {
      const path = world.write('may.csv', csvOf(payouts(1)));
      await world.run(path);
      const ended = await world.command(['run', path], {
        LEDGER_KEY_FILE: world.write('other.key', `${Buffer.alloc(32, 7).toString('base64')}\n`),
      });
      expect(ended.code).toBe(1);
      expect(ended.stderr).toContain('key');
      expect(sessions(world)).toHaveLength(1);
    });
  });
});

describe.concurrent('a disk without room', () => {
  /** The shell's limit is in blocks of 512 bytes or of 1 KiB; only the order of magnitude counts. */
  it.for([2, 60, 150, 300])(
    'under a limit of %i blocks a file stops the run with a sentence, and loses nothing',
    async (blocks, { expect }) => {
      await inWorld({ confirm: 'auto' }, async (world) => {
        const count = 400;
        const path = world.write('may.csv', csvOf(payouts(count)));
        const child = spawn('sh', ['-c', `ulimit -f ${blocks}; exec "$0" "$@"`, process.execPath, cli, 'run', path, '--json'], {
          env: { PATH: process.env['PATH'], ...world.env },
          stdio: ['ignore', 'pipe', 'pipe'],
        });
        let stderr = '';
        child.stdout.resume();
        child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
        const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
        expect(code, stderr).toBe(3);
        expect(stderr).toMatch(/room|full|limit/);
        expect(stderr).not.toContain('unexpected error');
        expect(stderr).not.toMatch(/^ {4}at /m);

        const again = await world.run(path);
        const { succeeded = 0, unknown = 0, ...others } = countsOf(again.summary);
        expect(others).toEqual({});
        expect(succeeded + unknown).toBe(count);
        expect(again.summary.balanced).toBe(true);
        expect(new Set(sessions(world)).size).toBe(count);
        expect(sessions(world)).toHaveLength(count);
        const ids = world.events().map((event) => event.event_id);
        expect(new Set(ids).size).toBe(ids.length);
      });
    },
  );
});

describe.concurrent('the file', () => {
  it('that changes while it is paid stops the run, and the checked file in its place is paid to the end', async ({ expect }) => {
    await inWorld({}, async (world) => {
      // More than one block of a MiB, so that the second block is read while rows of the first are under way.
      const checked = csvOf(payouts(300).map((one) => ({ ...one, recipient_first_name: 'J'.repeat(20), recipient_address_line: '' })));
      const padded = checked + '\n'.repeat(1_200_000);
      const path = world.write('may.csv', padded);
      const running = world.begin(['run', path, '--json'], { DISPATCH_RATE: '60' });
      await until('some payments', () => sessions(world).length > 5);
      world.write('may.csv', padded.replace('300.07', '999.07').replace(/\n$/, ' '));
      const ended = await running.ended;
      expect(ended.code).toBe(3);
      expect(ended.stderr).toContain('changed since it was checked');
      world.write('may.csv', padded);
      const again = await world.run(path);
      expect(again.code).toBe(0);
      expect(countsOf(again.summary)).toEqual({ succeeded: 300 });
      expect(sessions(world)).toHaveLength(300);
    });
  });

  it('of results that cannot be written stops the run with a sentence, and gets every event once it can', async ({ expect }) => {
    await inWorld({}, async (world) => {
      const { mkdirSync, rmdirSync } = await import('node:fs');
      const results = join(world.dataDir, 'results.jsonl');
      mkdirSync(results, { recursive: true, mode: 0o700 });
      const path = world.write('may.csv', csvOf(payouts(3)));
      const ended = await world.command(['run', path, '--json']);
      expect(ended.code).toBe(3);
      expect(ended.stderr).toContain('results.jsonl');
      expect(ended.stderr).not.toContain('unexpected error');
      expect(sessions(world)).toEqual([]);
      rmdirSync(results);
      const again = await world.run(path);
      expect(again.code).toBe(0);
      expect(world.events().filter(({ final }) => final)).toHaveLength(3);
    });
  });

  it('of results that ends in the middle of a line is completed, and holds every event once', async ({ expect }) => {
    await inWorld({}, async (world) => {
      const results = join(world.dataDir, 'results.jsonl');
      await world.run(world.write('may.csv', csvOf(payouts(2))));
      const whole = readFileSync(results, 'utf8');
      const { writeFileSync } = await import('node:fs');
      writeFileSync(results, `${whole}{"event_id":"half`);
      const ran = await world.run(world.write('june.csv', csvOf(payouts(1, 'j'))));
      expect(ran.code).toBe(0);
      const events = world.events();
      expect(linesOf(results)).toHaveLength(events.length);
      expect(new Set(events.map(({ event_id }) => event_id)).size).toBe(events.length);
      expect(events.filter(({ final }) => final)).toHaveLength(3);
    });
  });
});
