/** Operators' commands when they, or the process that holds the ledger, die. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, it } from 'vitest';
import type { OperationRequest } from '../../batches/operations/request.ts';
import { ask } from '../../src/ledger/sqlite/ask.ts';
import { csvOf, payouts, row } from '../support/builders.ts';
import { startScriptedGateway } from '../support/scripted-gateway.ts';
import { inWorld, until, type World } from './world.ts';

const resolving = { type: 'resolve', recordId: 'p-1', as: 'succeeded', evidence: 'statement 118', by: 'alice', reason: 'lost' } as const;

/** Every answer is lost, and without a key lifetime p-1 stays unknown. */
const inLostWorld = async (work: (world: World) => Promise<void>): Promise<void> => {
  const gateway = await startScriptedGateway(() => 'lost');
  try {
    await inWorld({}, async (world) => {
      world.env['GATEWAY_URL'] = gateway.url;
      world.env['GATEWAY_KEY_LIFETIME'] = '';
      expect((await world.run(world.write('may.csv', csvOf(payouts(1))), ['--wait', '1s'])).code).toBe(2);
      await work(world);
    });
  } finally {
    await gateway.close();
  }
};

const requestsIn = (world: World): number => {
  const db = new DatabaseSync(join(world.dataDir, 'ledger.sqlite'), { readOnly: true });
  try {
    return Number(db.prepare('SELECT count(*) AS count FROM command').get()?.['count']);
  } finally {
    db.close();
  }
};

const endsOf = (world: World) => world.events().filter(({ record_id: id, final }) => id === 'p-1' && final);

it('a command that dies after its request is appended is carried out by the next process that pays, once', async () => {
  await inLostWorld(async (world) => {
    const asking = ask(world.dataDir, JSON.stringify(resolving satisfies OperationRequest), Date.now());
    asking?.close();
    expect(endsOf(world)).toEqual([]);
    const path = `${world.folder}/may.csv`;
    await world.run(path, ['--wait', '1s']);
    await world.run(path, ['--wait', '1s']);
    expect(endsOf(world)).toMatchObject([{ status: 'succeeded', resolved_by: 'alice' }]);
  });
});

it('a process that is killed before it sees a request leaves it to the command that waits, which carries it out itself', async () => {
  await inLostWorld(async (world) => {
    const holder = world.begin(['serve'], { HTTP_PORT: '0' });
    await until('the ledger is held', () => holder.stderr().includes('"url":"http'));
    holder.kill('SIGSTOP');
    const { evidence, reason, by } = resolving;
    const command = world.begin(['resolve', 'p-1', '--as', 'succeeded', '--evidence', evidence, '--reason', reason, '--by', by]);
    await until('the request is appended', () => requestsIn(world) === 1);
    holder.kill('SIGKILL');
    expect(await command.ended).toMatchObject({ code: 0, stdout: 'The record p-1 is succeeded.\n' });
    expect(endsOf(world)).toMatchObject([{ status: 'succeeded', resolved_by: 'alice' }]);
  });
});

it('a request that is carried out twice, as after a crash before its answer, has one outcome', async () => {
  await inLostWorld(async (world) => {
    for (let times = 0; times < 2; times++) ask(world.dataDir, JSON.stringify(resolving satisfies OperationRequest), Date.now())?.close();
    expect(await world.command(['pause', '--all', '--reason', 'r'])).toMatchObject({ code: 0 });
    expect(endsOf(world)).toHaveLength(1);
  });
});

it('a retry that dies before its batch waits again is finished by the same command again, and the next run of any file sends it', async () => {
  await inWorld({ faults: 'refuse=1' }, async (world) => {
    await world.run(world.write('may.csv', csvOf(payouts(1))));
    await world.replaceSandbox({});
    const retry = ['retry', 'p-1', '--reason', 'corrected', '--json'];
    expect((await world.command(retry)).stdout).toContain('"outcome":"done"');
    const db = new DatabaseSync(join(world.dataDir, 'ledger.sqlite'));
    db.exec("UPDATE batch SET state = 'finished'");
    db.close();
    expect((await world.command(retry)).stdout).toContain('"outcome":"unchanged"');
    await world.run(world.write('june.csv', csvOf([row('q-1', { amount: '1.00' })])));
    expect(world.sandbox.payments().filter(({ record_id: id }) => id === 'p-1')).toHaveLength(1);
    // That run ends with its own rows, perhaps before the gateway says what became of p-1.
    await world.run(join(world.folder, 'may.csv'));
    expect(world.events().findLast(({ record_id: id }) => id === 'p-1')).toMatchObject({ status: 'succeeded', attempt: 2 });
    expect(world.sandbox.payments().filter(({ record_id: id }) => id === 'p-1')).toHaveLength(1);
  });
});
