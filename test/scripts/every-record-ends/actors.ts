/** The customers of payments that wait for them, and what changes at the gateway from outside. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultRates } from '../../../sandbox/faults.ts';
import type { World } from '../../e2e/world.ts';
import { randomOf } from './story.ts';

/** Customers act until the signal: one in ten gives up. */
export async function customers({ sandbox }: World, seed: number, signal: AbortSignal): Promise<void> {
  const random = randomOf(seed);
  const willGiveUp = new Map<string, boolean>();
  while (!signal.aborted) {
    for (const { kind, status, session_id: id } of sandbox.payments()) {
      if (kind !== 'payment' || status !== 'in_progress') continue;
      const givesUp = willGiveUp.get(id) ?? random() < 0.1;
      willGiveUp.set(id, givesUp);
      const url = `${sandbox.url}/_sandbox/act?session=${id}${givesUp ? '&result=cancelled' : ''}`;
      // 409 while it does not wait for its customer.
      await fetch(url, { method: 'POST' }).then((answer) => answer.arrayBuffer());
    }
    await sleep(200);
  }
}

export async function setFaults({ sandbox }: World, rates: FaultRates): Promise<void> {
  const query = new URLSearchParams(Object.entries(rates).map(([name, rate]): [string, string] => [name, String(rate)]));
  const answer = await fetch(`${sandbox.url}/_sandbox/faults?${query.toString()}`, { method: 'POST' });
  if (!answer.ok) throw new Error(`faults: ${await answer.text()}`);
}

/** The gateway's report of each of these days, as a file. */
export async function dailyReports(world: World, project: string, days: readonly string[]): Promise<readonly string[]> {
  return Promise.all(
    days.map(async (day) => {
      const answer = await fetch(`${world.sandbox.url}/_sandbox/report?date=${day}`);
      return world.write(`${project}_${day}_${day}.csv`, await answer.text());
    }),
  );
}
