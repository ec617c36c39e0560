import { describe, expect, it } from 'vitest';
import { createAuditChain } from '../../../batches/audit/hash-chain.ts';
import { createAdmitAndSend, type AdmitAndSend, type AdmitAndSendDeps } from '../../../batches/pipeline/admit-and-send.ts';
import { createSemaphore } from '../../../batches/pipeline/bounded-window.ts';
import { createPauseWatch } from '../../../batches/pipeline/pause-watch.ts';
import type { SharedLedger } from '../../../batches/ports/ledger.ts';
import { admitOne } from '../../../batches/ports/single.ts';
import { changedGates, openGates } from '../../../batches/record/gates.ts';
import { createMemoryStore, openMemoryLedger } from '../../../src/ledger/memory/ledger.ts';
import { admission, at, batchA, instructionOf, keys, lineOf, manifest, queuedRecord, valid } from '../../support/builders.ts';
import { fakeWorld, ok, refusedConnection, type FakeOptions, type FakeWorld } from './fakes.ts';

const audit = createAuditChain(Buffer.alloc(32, 7));

interface Pipeline {
  readonly world: FakeWorld;
  readonly ledger: SharedLedger;
  readonly signed: string[];
  /** The ledger's calls that write. */
  readonly calls: string[];
  places: number;
  readonly deps: AdmitAndSendDeps;
  take(recordId: string, line: number, patch?: Parameters<typeof instructionOf>[1]): ReturnType<AdmitAndSend>;
}

async function pipeline(deps: Partial<AdmitAndSendDeps> = {}, options: Partial<FakeOptions> = {}): Promise<Pipeline> {
  const world = fakeWorld({ record: queuedRecord(), init: [ok()], ...options });
  const calls: string[] = [];
  const ledger = openMemoryLedger({
    ...{ store: createMemoryStore(), rules: { keys, audit }, clock: world.clock, owner: 'me' },
    async carry(name, apply) {
      calls.push(name);
      return apply();
    },
  });
  await ledger.openBatch(manifest(batchA));
  calls.length = 0;
  const signed: string[] = [];
  const { gateway } = world.deps;
  const self = { world, ledger, signed, calls, places: 0 } as Pipeline;
  const all: AdmitAndSendDeps = {
    ...world.deps,
    ledger,
    gateway: {
      ...gateway,
      prepare(request) {
        signed.push(request.idempotencyKey);
        return gateway.prepare(request);
      },
    },
    breaker: { ...world.deps.breaker, openSince: () => null },
    pauses: createPauseWatch({
      ledger,
      clock: world.clock,
      settings: world.deps.settings,
      onResumed: () => undefined,
      onEnded: () => undefined,
    }),
    slot: createSemaphore(1),
    sendQueue: {
      ...world.deps.sendQueue,
      isFree: () => true,
      acquireNow() {
        self.places += 1;
        return { intended: () => undefined, leave: () => void (self.places -= 1) };
      },
    },
    ...deps,
  };
  const admitAndSend = createAdmitAndSend(all);
  Object.assign(self, { deps: all });
  self.take = (recordId, line, patch = {}) => {
    const one = admission(lineOf(batchA, line), valid(instructionOf(recordId, patch)));
    return admitAndSend(one, () => admitOne(ledger, one));
  };
  return self;
}

/** A process that has seen one new event. */
async function warm(deps: Partial<AdmitAndSendDeps> = {}, options: Partial<FakeOptions> = {}): Promise<Pipeline> {
  const one = await pipeline(deps, options);
  expect(await one.take('first', 2)).toMatchObject({ type: 'admitted' });
  one.calls.length = 0;
  return one;
}

describe('an event that may leave at once', () => {
  it('is admitted with its intent in one step, and sent', async () => {
    const { take, calls, world, ledger, signed, places } = await warm();
    const verdict = await take('inv-1', 3);
    expect(calls).toEqual(['admitWithIntent', 'advance']);
    expect(verdict).toMatchObject({ type: 'sent', record: { recordId: 'inv-1', status: 'in_progress', sends: 1 } });
    expect(await ledger.record('inv-1')).toEqual('record' in verdict ? verdict.record : null);
    expect(signed).toEqual([keys.idempotencyKey('payout', 'inv-1', 1)]);
    expect(world.bytes.map((bytes) => JSON.parse(Buffer.from(bytes).toString()) as unknown)).toEqual([
      { metadata: { record_id: 'inv-1', attempt: 1, idempotency_key: keys.idempotencyKey('payout', 'inv-1', 1) } },
    ]);
    expect(places).toBe(0);
  });

  it('leaves after its intent is durable and its permit is there', async () => {
    const { take, world, calls } = await warm({}, { before: (what) => void calls?.push(what) });
    world.log.length = 0;
    await take('inv-1', 3);
    expect(calls.indexOf('admitWithIntent')).toBeLessThan(calls.indexOf('permit'));
    expect(calls.indexOf('permit')).toBeLessThan(calls.indexOf('first byte?'));
  });

  it('that proves not sent waits, and is sent in the ordinary way', async () => {
    const { take, calls, world } = await warm({}, { init: [refusedConnection, ok()] });
    const taken = take('inv-1', 3);
    await world.clock.passUntil(() => world.bytes.length === 2);
    expect(await taken).toMatchObject({ type: 'sent', record: { status: 'in_progress', sends: 1 } });
    expect(calls).toEqual(['admitWithIntent', 'advance', 'advance', 'advance']);
  });
});

describe('an event that may not leave at once is admitted alone, and nothing is signed', () => {
  const no = (patch: (world: FakeWorld) => Partial<AdmitAndSendDeps>) => patch;
  it.each([
    ['no place is free', no(({ deps }) => ({ sendQueue: { ...deps.sendQueue, isFree: () => false, acquireNow: () => null } }))],
    ['the breaker is not closed', no(({ deps }) => ({ breaker: { ...deps.breaker, openSince: () => at } }))],
    ['the ledger could forget it', no(() => ({ intents: { isOpen: () => false, waitUntilOpen: () => Promise.resolve() } }))],
    ['the bank is closed', no(() => ({ bankingDays: { opensAt: () => at + 1_000 } as never }))],
    ['the process is stopping', no(() => ({ signal: AbortSignal.abort(new Error('stopped')) }))],
  ])('when %s', async (_, patch) => {
    const { take, calls, signed } = await warm(patch(fakeWorld({ record: queuedRecord() })));
    expect(await take('inv-1', 3)).toMatchObject({ type: 'admitted' });
    expect(calls).toEqual(['admit']);
    expect(signed).toEqual([]);
  });

  it('when no slot is free', async () => {
    const slot = createSemaphore(1);
    const { take, calls } = await warm({ slot });
    const { promise, resolve } = Promise.withResolvers<void>();
    const busy = slot(() => promise);
    expect(slot.isFree()).toBe(false);
    expect(await take('inv-1', 3)).toMatchObject({ type: 'admitted' });
    resolve();
    await busy;
    expect(slot.isFree()).toBe(true);
    expect(calls).toEqual(['admit']);
  });

  it('while a limit of the day holds for its currency, which the ledger must grant first', async () => {
    const { take, calls, signed, ledger, world } = await warm();
    const to = { ...openGates, maxDayTotal: { USD: '1000000' } };
    expect(await ledger.setGates(changedGates(null, { by: 'alice', reason: 'start', at, to }), 0)).toBe(true);
    calls.length = 0;
    for (let line = 3; line < 6; line += 1) {
      await world.clock.pass(300);
      expect(await take(`inv-${line}`, line, { currency: 'USD' })).toMatchObject({ type: 'admitted', record: { sends: 0 } });
    }
    expect(calls).toEqual(['admit', 'admit', 'admit']);
    expect(signed).toEqual([]);
    expect(await take('inv-1', 9)).toMatchObject({ type: 'sent', record: { status: 'in_progress' } });
    expect(calls.slice(3)).toEqual(['admitWithIntent', 'advance']);
  });

  it('when the ledger has no memory for it now, with neither a slot nor a place while it waits', async () => {
    const slot = createSemaphore(1);
    const memory = Promise.withResolvers<void>();
    const self = await warm({ slot });
    const { world, ledger } = self;
    const full = { ...ledger, admitWithIntent: () => Promise.resolve(null) };
    const admitAndSend = createAdmitAndSend({ ...self.deps, ledger: full });
    const one = (recordId: string, line: number) => admission(lineOf(batchA, line), valid(instructionOf(recordId)));
    await admitAndSend(one('second', 3), () => admitOne(ledger, one('second', 3)));
    const taken = admitAndSend(one('inv-1', 4), () => memory.promise.then(() => admitOne(ledger, one('inv-1', 4))));
    await world.clock.pass(1_000);
    expect(self.signed).toHaveLength(1);
    expect(slot.isFree()).toBe(true);
    expect(self.places).toBe(0);
    memory.resolve();
    expect(await taken).toMatchObject({ type: 'admitted', record: { status: 'queued', sends: 0 } });
    expect(world.bytes).toEqual([]);
  });

  it('when it has a card number', async () => {
    const { take, calls } = await warm();
    expect(await take('inv-1', 3, { hasCardNumber: true })).toMatchObject({ type: 'admitted' });
    expect(calls).toEqual(['admit']);
  });

  it('when the process starts, and while events come again', async () => {
    const { take, calls, signed } = await pipeline();
    await take('inv-1', 2);
    await take('inv-2', 3);
    expect(calls).toEqual(['admit', 'admitWithIntent', 'advance']);
    calls.length = 0;
    // One signature in vain: then none until an event is new.
    for (let again = 0; again < 3; again += 1) expect(await take('inv-2', 3)).toMatchObject({ type: 'open' });
    expect(calls).toEqual(['admitWithIntent', 'admit', 'admit']);
    expect(signed).toHaveLength(2);
    await take('inv-3', 4);
    await take('inv-4', 5);
    expect(calls.slice(3)).toEqual(['admit', 'admitWithIntent', 'advance']);
  });

  it('for a moment after an intent was refused', async () => {
    const { take, calls, ledger, world, signed } = await warm();
    await ledger.setPause({ batchId: batchA, pause: { code: 'paused', by: 'alice', reason: null, at } });
    calls.length = 0;
    for (let line = 3; line < 6; line += 1)
      expect(await take(`inv-${line}`, line)).toMatchObject({ type: 'admitted', record: { status: 'queued', sends: 0 } });
    expect(calls).toEqual(['admitWithIntent', 'admit', 'admit']);
    expect([signed.length, world.bytes.length]).toEqual([1, 0]);
    await ledger.setPause({ batchId: batchA, pause: null });
    await world.clock.pass(250);
    expect(await take('inv-1', 9)).toMatchObject({ type: 'sent', record: { status: 'in_progress' } });
  });
});
