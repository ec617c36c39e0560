/** Operators' commands that two persons give at the same time, and that a process which pays meets: one outcome. */
import { describe, expect, it } from 'vitest';
import { csvOf, payouts, row } from '../support/builders.ts';
import type { ScriptedAnswer, ScriptedCall } from '../support/scripted-gateway.ts';
import { because, done, inScriptedWorld, shows } from './scripted-world.ts';
import { until } from './world.ts';

describe('two persons at once', () => {
  const refusing = (call: ScriptedCall): ScriptedAnswer =>
    call.body.metadata?.attempt === 1
      ? { status: 400, body: { status: 'error', error: { code: 'account_not_found', description: 'no such account' } } }
      : shows(call, 'accepted', 'succeeded');

  it('who retry a record open one attempt: one of them did it, and the other finds it done', async () => {
    await inScriptedWorld(refusing, async (world, calls) => {
      await world.run(world.write('may.csv', csvOf(payouts(1))));
      const answers = await Promise.all([done(world, ['retry', 'p-1', ...because]), done(world, ['retry', 'p-1', ...because])]);
      expect(answers.map(({ outcome }) => outcome).toSorted()).toEqual(['done', 'unchanged']);
      await world.run(world.write('june.csv', csvOf([row('q-1')])));
      const sent = calls.filter(({ method, body }) => method.startsWith('session/init') && body.metadata?.record_id === 'p-1');
      expect(sent.map(({ body }) => body.metadata?.attempt)).toEqual([1, 2]);
      expect(world.events().filter(({ record_id: id, final }) => id === 'p-1' && final)).toMatchObject([
        { status: 'failed', attempt: 1 },
        { status: 'succeeded', attempt: 2 },
      ]);
    });
  });

  it('who pause and resume everything get answers that agree with what holds afterwards', async () => {
    await inScriptedWorld(refusing, async (world) => {
      await world.run(world.write('may.csv', csvOf(payouts(1))));
      await done(world, ['pause', '--all']);
      const [paused, resumed] = await Promise.all([done(world, ['pause', '--all']), done(world, ['resume', '--all'])]);
      expect(resumed).toMatchObject({ outcome: 'done', paused: false });
      const after = await done(world, ['pause', '--all']);
      // The pause came before the resume and changed nothing, or after it and holds.
      expect([paused?.['outcome'], after['outcome']]).toEqual(
        paused?.['outcome'] === 'unchanged' ? ['unchanged', 'done'] : ['done', 'unchanged'],
      );
    });
  });

  it('of whom one cancels a record that is being sent: it is refused, or nothing is sent', async () => {
    await inScriptedWorld(
      (call) => shows(call, 'accepted', 'succeeded'),
      async (world, calls) => {
        const running = world.begin(['run', world.write('may.csv', csvOf(payouts(40))), '--json', '--wait', '40s'], {
          DISPATCH_RATE: '10',
        });
        try {
          await until('the first sends', () => calls.filter(({ method }) => method.startsWith('session/init')).length >= 3);
          const ids = Array.from({ length: 8 }, (_, index) => `p-${index * 5 + 1}`);
          const answers = await Promise.all(ids.map((id) => world.command(['cancel', '--record', id, ...because])));
          await running.ended;
          const sent = new Set(calls.map(({ body }) => body.metadata?.record_id));
          for (const [index, id] of ids.entries()) {
            const isCancelled = answers[index]?.code === 0;
            const finals = world.events().filter((event) => event.record_id === id && event.final);
            expect([id, sent.has(id), finals.map(({ status }) => status)]).toEqual([
              id,
              !isCancelled,
              [isCancelled ? 'cancelled' : 'succeeded'],
            ]);
            if (!isCancelled) expect(answers[index]).toMatchObject({ code: 2, stdout: '' });
          }
        } finally {
          running.kill('SIGKILL');
        }
      },
    );
  });
});
