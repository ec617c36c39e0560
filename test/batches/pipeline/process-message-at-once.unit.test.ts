/** Messages whose record is admitted, given an intent and sent in one step. */
import { expect, it } from 'vitest';
import { createAuditChain } from '../../../batches/audit/hash-chain.ts';
import type { InstructionMessage } from '../../../batches/event/read-message.ts';
import { createSemaphore } from '../../../batches/pipeline/bounded-window.ts';
import { createMessageProcessor } from '../../../batches/pipeline/process-message.ts';
import { createMemoryStore, openMemoryLedger } from '../../../src/ledger/memory/ledger.ts';
import { at, keys, payoutEvent, queuedRecord } from '../../support/builders.ts';
import { fakeWorld, ok, refusal } from './fakes.ts';

const message = (recordId: string, offset: bigint): InstructionMessage => ({
  ...{ topic: 'instructions', partition: 0, offset, timestamp: at, key: null, headers: {} },
  value: Buffer.from(JSON.stringify(payoutEvent(recordId, 1230))),
});

it('a message that the gateway refuses for lack of money is parked, and not tried again', async () => {
  const world = fakeWorld({ record: queuedRecord(), init: [ok(), refusal('insufficient_funds')] });
  const { deps } = world;
  const rules = { keys, audit: createAuditChain(Buffer.alloc(32, 7)) };
  const ledger = openMemoryLedger({ store: createMemoryStore(), rules, clock: world.clock, owner: 'me' });
  const signed: string[] = [];
  const process = createMessageProcessor({
    ...{ ...deps, ledger },
    gateway: {
      ...deps.gateway,
      prepare(request) {
        signed.push(request.idempotencyKey);
        return deps.gateway.prepare(request);
      },
    },
    funds: {
      async pause(batchId) {
        const pause = { code: 'underfunded', by: 'disburse', reason: 'EUR 1.00 is missing', at: world.clock.now() } as const;
        await ledger.setPause({ batchId, pause });
        return { batchId, ...pause };
      },
    },
    slot: createSemaphore(8),
    breaker: { ...deps.breaker, openSince: () => null },
    sendQueue: { ...deps.sendQueue, isFree: () => true, acquireNow: () => ({ intended: () => undefined, leave: () => undefined }) },
    fingerprints: { fingerprint: ({ recordId }) => recordId, fields: () => ({ paths: '', digests: Buffer.alloc(0) }) },
    publisher: { notify: () => undefined, published: () => Promise.resolve() },
    maxAmount: undefined,
    open: () => expect.unreachable('there is no card'),
    sendToDeadLetter: () => expect.unreachable('it is valid'),
    onOutcome: () => undefined,
  });
  await process(message('inv-1', 1n));
  await process(message('inv-2', 2n));
  expect(await ledger.record('inv-2')).toMatchObject({ status: 'queued', reason: { code: 'underfunded' }, sends: 0 });
  expect((await ledger.body('inv-2'))?.length).toBeGreaterThan(0);
  expect(signed).toEqual(['inv-1', 'inv-2'].map((recordId) => keys.idempotencyKey('payout', recordId, 1)));
  expect(world.bytes).toHaveLength(2);
});
