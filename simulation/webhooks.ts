/** The webhooks of the simulated bank on their way: lost, late, doubled, in another order, and repeated until they are taken. */
import type { WebhookType } from '../batches/record/webhook-evidence.ts';
import type { Dice } from './dice.ts';
import type { World } from './world.ts';

export interface WebhookFaults {
  readonly lost: number;
  readonly twice: number;
  /** Otherwise it arrives within a second. */
  readonly late: number;
}

const minuteMs = 60_000;
/** A process that does not answer for so long has not taken it. */
const patienceMs = 30_000;
const tries = 6;

export function drawWebhookFaults(dice: Dice): WebhookFaults | null {
  if (dice.chance(0.4)) return null;
  return { lost: dice.pick([0, 0.2, 0.6]), twice: dice.pick([0, 0.3]), late: dice.pick([0, 0.3]) };
}

/** @returns what the bank calls for each */
export function createWebhooks(
  dice: Dice,
  faults: WebhookFaults | null,
  world: () => Pick<World, 'timeline' | 'story' | 'webhooks'>,
): (type: WebhookType, session: object) => void {
  const deliver = (bytes: Uint8Array, what: string, number: number): void => {
    const { timeline, story, webhooks } = world();
    let isOver = false;
    const again = (): void => {
      if (isOver) return;
      isOver = true;
      if (number < tries) timeline.plan(number * minuteMs, () => deliver(bytes, what, number + 1));
    };
    if (webhooks === null) {
      again();
      return;
    }
    story.tell('bank', `sends ${what}`);
    const stopWaiting = timeline.plan(patienceMs, again);
    void webhooks(bytes).then((status) => {
      stopWaiting();
      if (status === 200) isOver = true;
      else again();
    });
  };
  return (type, session) => {
    if (faults === null) return;
    const { timeline } = world();
    const bytes = Buffer.from(JSON.stringify({ type, session }), 'utf8');
    for (let copies = dice.chance(faults.twice) ? 2 : 1; copies > 0; copies -= 1) {
      const delayMs = dice.chance(faults.late) ? dice.between(1_000, 30 * minuteMs) : dice.between(0, 1_000);
      if (!dice.chance(faults.lost))
        timeline.plan(delayMs, () => deliver(bytes, `webhook ${type} of ${(session as { id: string }).id}`, 1));
    }
  };
}
