/** A world whose gateway answers as the test says, and operators' commands in it. */
import { expect } from 'vitest';
import { startScriptedGateway, type ScriptedAnswer, type ScriptedCall } from '../support/scripted-gateway.ts';
import { inWorld, withoutReading, type World } from './world.ts';

export const because = ['--reason', 'a person looked'];

export const shows = ({ body }: ScriptedCall, status: string, entry: string): ScriptedAnswer => {
  const { amount_details, metadata } = body;
  const id = body.session_id ?? `ps_${metadata?.record_id}_${metadata?.attempt}`;
  return { body: { status: 'ok', session: { id, status, payments: [{ id: `po_${id}`, status: entry, amount_details, metadata }] } } };
};

/** The world with a gateway of the test's own. */
export const inScriptedWorld = async (
  answer: (call: ScriptedCall) => ScriptedAnswer,
  work: (world: World, calls: readonly ScriptedCall[]) => Promise<void>,
) => {
  const gateway = await startScriptedGateway(answer);
  try {
    await inWorld({}, async (world) => {
      world.env['GATEWAY_URL'] = gateway.url;
      await work(world, gateway.calls);
    });
  } finally {
    await gateway.close();
  }
};

/** Runs a command that must succeed, and returns its object. */
export const done = async (world: World, args: readonly string[]): Promise<Record<string, unknown>> => {
  const ended = await world.command([...args, '--json']);
  expect({ ...ended, stderr: withoutReading(ended.stderr) }, ended.stderr).toMatchObject({ code: 0, stderr: '' });
  return JSON.parse(ended.stdout) as Record<string, unknown>;
};
