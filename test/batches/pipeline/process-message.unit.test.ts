import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createSemaphore } from '../../../batches/pipeline/bounded-window.ts';
import type { DispatchDeps } from '../../../batches/pipeline/dispatch.ts';
import { dispatch } from '../../../batches/pipeline/dispatch.ts';
import type { InstructionMessage } from '../../../batches/event/read-message.ts';
import { createMessageProcessor, UnfinishedError } from '../../../batches/pipeline/process-message.ts';
import { fakeWorld, ok, type FakeWorld } from './fakes.ts';
import { at, payoutEvent, queuedRecord } from '../../support/builders.ts';

const message: InstructionMessage = {
  topic: 'instructions',
  partition: 0,
  offset: 7n,
  timestamp: at,
  key: null,
  value: Buffer.from(JSON.stringify(payoutEvent('inv-1', 1230))),
  headers: {},
};

const noFields = { paths: '', digests: Buffer.alloc(0) };

/** Where the message is. */
const occurrence = { stream: 'topic:instructions:0', position: 7, source: { topic: 'instructions', partition: 0, offset: '7' } };

/** No event leaves at once. */
const ordinary = ({ deps }: FakeWorld) => ({
  slot: createSemaphore(8),
  breaker: { ...deps.breaker, openSince: () => null },
  sendQueue: { ...deps.sendQueue, isFree: () => false, acquireNow: () => null },
});

/** A gate that somebody waits at until it is opened. */
const gate = () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { passed: promise, open: () => resolve() };
};
const settled = async (): Promise<void> => {
  for (let turns = 0; turns < 10; turns += 1) await turn();
};

/**
 * A partition moved while its former owner still had the message waiting: both instances have the record queued, and
 * the other one makes its intent first, then waits for its permit.
 */
async function quickerOther(): Promise<{
  readonly world: FakeWorld;
  readonly other: { readonly ended: Promise<unknown>; readonly permit: () => void; readonly stop: () => void };
  readonly ours: { readonly ended: Promise<string>; readonly stop: () => void; readonly end: () => string };
}> {
  const world = fakeWorld({ record: queuedRecord({ occurrence }), init: [ok()] });
  const queued = world.ledger.current();
  const permit = gate();
  const stopOther = new AbortController();
  const acquire = (signal: AbortSignal): Promise<void> =>
    Promise.race([permit.passed, new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(new Error('stopped'))))]);
  const otherDeps: DispatchDeps = { ...world.deps, owner: 'other', signal: stopOther.signal, limiter: { ...world.deps.limiter, acquire } };

  const place = gate();
  const unexpected = (): never => expect.unreachable('there is no card and no dead letter');
  const process = createMessageProcessor({
    ...world.deps,
    owner: 'ours',
    ...ordinary(world),
    sendQueue: {
      ...ordinary(world).sendQueue,
      acquire: () => place.passed.then(() => ({ intended: () => undefined, leave: () => undefined })),
    },
    ledger: {
      ...world.ledger,
      openBatch: () => Promise.resolve(),
      admit: () => Promise.resolve([{ type: 'open', record: queued }]),
      admitWithIntent: unexpected,
      countDeadLetter: unexpected,
    },
    fingerprints: { fingerprint: () => queued.fingerprint, fields: () => noFields },
    publisher: { notify: () => undefined, published: () => Promise.resolve() },
    maxAmount: undefined,
    open: unexpected,
    sendToDeadLetter: unexpected,
    onOutcome: () => undefined,
  });
  let end = 'under way';
  const ended = process(message).then(
    () => (end = 'finished'),
    (cause: unknown) => (end = cause instanceof UnfinishedError ? 'unfinished' : String(cause)),
  );
  await settled();
  const otherEnded = dispatch(otherDeps, queued, Buffer.from('{}'));
  await settled();
  expect(world.ledger.current()).toMatchObject({ status: 'submitting', leaseOwner: 'other' });
  place.open();
  await settled();
  return {
    world,
    other: { ended: otherEnded, permit: permit.open, stop: () => stopOther.abort(new Error('stopped')) },
    ours: { ended, stop: world.stop, end: () => end },
  };
}

describe('two instances that hold the same queued instruction', () => {
  it('the one that was slower sends it when the other one stops and has not sent it', async () => {
    const { world, other, ours } = await quickerOther();
    await world.clock.pass(5_000);
    expect(ours.end()).toBe('under way');
    other.stop();
    await other.ended;
    expect(world.ledger.current().status).toBe('queued');
    expect(world.bytes).toHaveLength(0);
    await world.clock.pass(1_000);
    expect(ours.end()).toBe('finished');
    expect(world.bytes).toHaveLength(1);
    expect(world.ledger.current()).toMatchObject({ status: 'in_progress', sends: 1 });
  });

  it('the one that was slower is done when the other one has sent it', async () => {
    const { world, other, ours } = await quickerOther();
    other.permit();
    await other.ended;
    await world.clock.pass(1_000);
    expect(ours.end()).toBe('finished');
    expect(world.bytes).toHaveLength(1);
  });

  it('the one that was slower is done when the other one refused it, and another instruction waits under its record id', async () => {
    const { world, other, ours } = await quickerOther();
    other.stop();
    await other.ended;
    world.ledger.set({ occurrence: { ...occurrence, position: 9 }, amountMinor: 99n });
    await world.clock.pass(1_000);
    expect(ours.end()).toBe('finished');
    expect(world.bytes).toEqual([]);
    expect(world.ledger.current()).toMatchObject({ status: 'queued', amountMinor: 99n });
  });

  it('the one that was slower leaves it unfinished when it stops before that is known, so that it is read again', async () => {
    const { world, other, ours } = await quickerOther();
    ours.stop();
    expect(await ours.ended).toBe('unfinished');
    other.stop();
    await other.ended;
    expect(world.ledger.current().status).toBe('queued');
    expect(world.bytes).toHaveLength(0);
  });
});

it.each(['place_taken', 'totals_full'] as const)(
  'a message whose admission is %s becomes a dead letter, and nothing is sent',
  async (type) => {
    const world = fakeWorld({ record: queuedRecord({ occurrence }), init: [ok()] });
    const letters: string[] = [];
    const counted: unknown[] = [];
    const process = createMessageProcessor({
      ...world.deps,
      ...ordinary(world),
      ledger: {
        ...world.ledger,
        openBatch: () => Promise.resolve(),
        admit: () => Promise.resolve([{ type }]),
        admitWithIntent: () => expect.unreachable('no event was new before'),
        countDeadLetter: (place) => Promise.resolve(void counted.push(place)),
      },
      fingerprints: { fingerprint: () => 'print', fields: () => noFields },
      publisher: { notify: () => undefined, published: () => Promise.resolve() },
      maxAmount: undefined,
      open: () => expect.unreachable('there is no card'),
      sendToDeadLetter: ({ reason }) => Promise.resolve(void letters.push(reason)),
      onOutcome: () => undefined,
    });
    await process(message);
    expect(letters).toEqual([type]);
    expect(counted).toEqual([{ stream: occurrence.stream, position: occurrence.position }]);
    expect(world.bytes).toEqual([]);
  },
);
