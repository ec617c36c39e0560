/** The console as a process of its own, in `serve`, and beside a process that pays. */
import { describe, expect, it } from 'vitest';
import { csvOf, payouts } from '../support/builders.ts';
import { freePort } from '../support/free-port.ts';
import type { ScriptedAnswer, ScriptedCall } from '../support/scripted-gateway.ts';
import { logIn, shownText } from '../src/console/browser.ts';
import { beginConsole, checkedOverview, linkFor } from './console-world.ts';
import { inScriptedWorld, shows } from './scripted-world.ts';
import { inWorld, until } from './world.ts';

const noGateway = { GATEWAY_URL: '', GATEWAY_PROJECT: '', GATEWAY_PRIVATE_KEY_FILE: '' };

const refusedOnce = (call: ScriptedCall): ScriptedAnswer =>
  call.body.metadata?.attempt === 1
    ? { status: 400, body: { status: 'error', error: { code: 'account_not_found', description: 'no such account' } } }
    : shows(call, 'accepted', 'succeeded');

const statusOf = async (browser: { json(path: string): Promise<unknown> }, record: string): Promise<string> =>
  ((await browser.json(`/records/${record}`)) as { record?: { status: string } }).record?.status ?? 'none';

describe('disburse console', () => {
  it('pays by itself what is decided in it, and run ends with exit code 3 and says who holds the ledger', async () => {
    await inScriptedWorld(refusedOnce, async (world) => {
      const path = world.write('may.csv', csvOf(payouts(1)));
      await world.run(path);
      const console = await beginConsole(world);
      const { browser } = console;
      expect(shownText((await browser.get('/')).text)).toContain('This process (disburse console) pays.');
      expect(await checkedOverview(browser)).toMatchObject({ checks: { ledger: { ok: true }, gateway: { ok: true } } });
      const second = await world.command(['run', path]);
      expect([second.code, second.stderr]).toEqual([3, expect.stringContaining(`held by process ${console.running.child.pid}`)]);
      await browser.post('/records/p-1/retry', { reason: 'account reopened', confirm: '1 EUR 1.07' });
      await until('the second attempt', async () => (await statusOf(browser, 'p-1')) === 'succeeded');
      expect(await console.stop()).toBe(0);
      expect((await world.command(['console', 'login', 'bob'])).code).toBe(1);
    });
  });

  it('shows and pays nothing without a gateway, and takes decisions all the same', async () => {
    await inScriptedWorld(refusedOnce, async (world) => {
      await world.run(world.write('may.csv', csvOf(payouts(1))));
      const console = await beginConsole(world, noGateway);
      expect(shownText((await console.browser.get('/')).text)).toContain('No gateway is configured');
      expect((await console.browser.get('/records/p-1')).status).toBe(200);
      const bob = await console.as('bob');
      expect(shownText((await bob.get('/')).text)).toContain('bob viewer, operator, approver');
      expect(await console.stop()).toBe(0);
    });
  });

  it('with a part of what paying needs ends with exit code 1 and names the rest', async () => {
    await inWorld({}, async (world) => {
      const { code, stderr } = await world.command(['console'], { GATEWAY_PROJECT: '' });
      expect([code, stderr]).toEqual([1, expect.stringContaining('GATEWAY_PROJECT is not set')]);
    });
  });

  it.each([{ CONSOLE_HOST: '0.0.0.0' }, { CONSOLE_HOST: '0.0.0.0', CONSOLE_PORT: '0' }])(
    'beyond loopback ends with exit code 1 without a trusted proxy (%o)',
    async (env) => {
      await inWorld({}, async (world) => {
        for (const command of [['console'], ...('CONSOLE_PORT' in env ? [['serve', '--http-port', '0']] : [])]) {
          const { code, stderr } = await world.command(command, env);
          expect([code, stderr]).toEqual([1, expect.stringContaining('CONSOLE_TRUSTED_PROXY')]);
        }
      });
    },
  );
});

describe('serve with CONSOLE_PORT', () => {
  it('serves the console, which pauses and resumes what it pays', async () => {
    await inScriptedWorld(refusedOnce, async (world) => {
      await world.run(world.write('may.csv', csvOf(payouts(1))));
      const port = String(await freePort());
      const serving = world.begin(['serve', '--http-port', '0', '--console-port', port]);
      await until('the console', () => serving.stderr().includes('serving the console'));
      const browser = await logIn(await linkFor(world, 'alice'));
      expect(shownText((await browser.get('/')).text)).toContain('This process (disburse serve) pays.');
      await browser.post('/batches/--all/pause', { reason: 'look' });
      await browser.post('/records/p-1/retry', { reason: 'again', confirm: '1 EUR 1.07' });
      expect(await statusOf(browser, 'p-1')).toBe('queued');
      await browser.post('/batches/--all/resume');
      await until('the second attempt', async () => (await statusOf(browser, 'p-1')) === 'succeeded');
      serving.kill('SIGTERM');
      expect((await serving.ended).code).toBe(0);
    });
  });

  it('pays while a console beside it shows its ledger and gives it what is decided there, also after it was killed and started again', async () => {
    await inScriptedWorld(refusedOnce, async (world) => {
      await world.run(world.write('may.csv', csvOf(payouts(2))));
      let serving = world.begin(['serve', '--http-port', '0']);
      await until('the service', () => serving.stderr().includes('serving'));
      const console = await beginConsole(world);
      const { browser } = console;
      expect(shownText((await browser.get('/')).text)).toContain('Another process pays from this ledger');
      await browser.post('/records/p-1/retry', { reason: 'again', confirm: '1 EUR 1.07' });
      await until('the second attempt', async () => (await statusOf(browser, 'p-1')) === 'succeeded');
      serving.kill('SIGKILL');
      await serving.ended;
      expect((await browser.get('/records/p-2')).status).toBe(200);
      serving = world.begin(['serve', '--http-port', '0']);
      await until('the service again', () => serving.stderr().includes('serving'));
      await browser.post('/records/p-2/retry', { reason: 'again', confirm: '1 EUR 2.07' });
      await until('the second attempt', async () => (await statusOf(browser, 'p-2')) === 'succeeded');
      expect(await console.stop()).toBe(0);
      serving.kill('SIGTERM');
      await serving.ended;
    });
  });
});
