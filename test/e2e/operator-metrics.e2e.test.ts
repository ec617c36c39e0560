/** What `serve` shows of operators' commands, over HTTP. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { csvOf, payouts } from '../support/builders.ts';
import { freePort } from '../support/free-port.ts';
import { inWorld, until } from './world.ts';

it('serve counts records that it made final by what showed that', async () => {
  await inWorld({}, async (world) => {
    const [port, inbox] = [await freePort(), join(world.folder, 'inbox')];
    mkdirSync(inbox);
    const serving = world.begin(['serve', '--http-port', String(port)], { INBOX_DIR: inbox, INBOX_REST: '1s' });
    await until('serving', () => serving.stderr().includes('watching the drop folder'));
    writeFileSync(join(inbox, 'two.csv'), csvOf(payouts(2)));
    const ended = async (): Promise<number> => {
      const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      const counts = [...text.matchAll(/^disburse_records_ended_total\{evidence="(?:answer|status_check)"\} (\d+)$/gm)];
      return counts.reduce((sum, [, count]) => sum + Number(count), 0);
    };
    await until('two records ended', async () => (await ended()) === 2);
    serving.child.kill('SIGTERM');
    expect((await serving.ended).code).toBe(0);
  });
});

it('serve stays ready while everything is paused, names it in /readyz, and counts pause and resume in /metrics', async () => {
  await inWorld({}, async (world) => {
    const port = await freePort();
    const serving = world.begin(['serve', '--http-port', String(port)]);
    const url = `http://127.0.0.1:${port}`;
    await until('serving', () => serving.stderr().includes('"serving"'));
    const ready = async (): Promise<unknown> => {
      const answer = await fetch(`${url}/readyz`);
      expect(answer.status).toBe(200);
      return ((await answer.json()) as { checks: Record<string, unknown> }).checks['pauses'];
    };
    const metrics = async (): Promise<string> => (await fetch(`${url}/metrics`)).text();
    expect(await ready()).toEqual({ ok: true });
    expect(await metrics()).toContain('disburse_paused{scope="everything",code="paused"} 0');
    expect((await world.command(['pause', '--all', '--reason', 'bank holiday'])).code).toBe(0);
    expect(await ready()).toEqual({ ok: true, detail: 'paused: everything (paused)', paused: ['everything'] });
    const paused = await metrics();
    expect(paused).toContain('disburse_paused{scope="everything",code="paused"} 1');
    expect(paused).toContain('disburse_commands_total{type="pause",outcome="done"} 1');
    expect(paused).toContain('disburse_parked_records{reason="paused"} 0');
    expect(paused).toContain('disburse_unacknowledged_alerts{alert="refunded"} 0');
    expect((await world.command(['resume', '--all'])).code).toBe(0);
    expect(await ready()).toEqual({ ok: true });
    expect(await metrics()).toContain('disburse_commands_total{type="resume",outcome="done"} 1');
    serving.child.kill('SIGTERM');
    expect((await serving.ended).code).toBe(0);
  });
});
