import { describe, expect, it } from 'vitest';
import { rejectedEvent, type ResultEvent } from '../../../batches/record/result-event.ts';
import type { LedgerRecord } from '../../../batches/record/record.ts';
import { readMessage } from '../../../batches/event/read-message.ts';
import { payoutEvent, transitionSettings } from '../../support/builders.ts';
import { fingerprints, message, now, place, published, rebuilt, terms } from './rebuilt.ts';

describe('an instruction without any result', () => {
  const shown = (patch: Partial<LedgerRecord> = {}): ResultEvent =>
    published(1, { recordId: 'other', status: 'succeeded', sequence: 1, sends: 1, ...terms, ...patch });

  it('is unknown, first sent when it reached the broker, and resent with its own bytes under the terms of the newest result', async () => {
    const { restored: all, report } = await rebuilt({ results: [shown()], instructions: [message(3, payoutEvent('inv-1'))] });
    const restored = all.filter(({ record }) => record.recordId === 'inv-1');
    expect(restored).toMatchObject([
      {
        record: {
          recordId: 'inv-1',
          status: 'unknown',
          sends: 1,
          firstSentAt: now - 60_000,
          sentClocks: { wallAt: now - 60_000, uptimeMs: null },
          ...terms,
          dueAt: now,
          sequence: 1,
          idempotencyKey: transitionSettings.keys.idempotencyKey('payout', 'inv-1', 1),
          occurrence: place(3),
        },
        event: { status: 'unknown', sequence: 1 },
      },
    ]);
    expect(JSON.parse(Buffer.from(restored[0]?.body ?? []).toString())).toMatchObject({ metadata: { record_id: 'inv-1', attempt: 1 } });
    expect(report).toMatchObject({ without_result: 1, records: { unknown: 1, succeeded: 1 }, skipped: 0 });
  });

  it.each([
    ['no result shows any terms', [], [message(3, payoutEvent('inv-1'))]],
    ['its message has the time of a producer', [shown()], [message(3, payoutEvent('inv-1'), { isBrokerTime: false })]],
    ['the newest result shows no key lifetime', [shown({ keyLifetimeMs: null })], [message(3, payoutEvent('inv-1'))]],
    ['the newest result shows a key lifetime that is over', [shown({ keyLifetimeMs: 80_000 })], [message(3, payoutEvent('inv-1'))]],
    ['the newest result shows another header', [shown({ idempotencyHeader: 'X-Idem' })], [message(3, payoutEvent('inv-1'))]],
    [
      'its key may be forgotten since its earliest message',
      [shown()],
      [message(3, payoutEvent('inv-1')), message(9, payoutEvent('inv-1'), { timestamp: now - 12 * 3_600_000 })],
    ],
  ])('is never resent when %s', async (_name, results, instructions) => {
    const { restored } = await rebuilt({ results, instructions });
    const found = restored.filter(({ record }) => record.recordId === 'inv-1');
    expect(found).toMatchObject([{ record: { status: 'unknown', dueAt: null }, event: { error: { code: 'send_interrupted' } } }]);
    expect(found[0]?.event?.error?.description).toContain('It is not resent');
    expect(found[0]?.body).toBeUndefined();
  });

  it.each([
    ['keeps the trace that its results show', `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`, true],
    ['is restored without a trace in another form', '01-odd', false],
  ])('%s', async (_what, traceparent, isKept) => {
    const event = published(1, { recordId: 'other', status: 'succeeded', sequence: 1, sends: 1, ...terms });
    const { restored } = await rebuilt({ results: [{ ...event, source: { ...event.source, traceparent } }] });
    expect(restored).toHaveLength(1);
    expect(restored[0]?.record.occurrence.source.traceparent).toBe(isKept ? traceparent : undefined);
  });

  it('above the limit of now is left to a person', async () => {
    const { restored } = await rebuilt({ instructions: [message(3, payoutEvent('inv-1', 5_000))], limit: 1_000n });
    expect(restored).toMatchObject([{ record: { status: 'unknown', dueAt: null } }]);
    expect(restored[0]?.body).toBeUndefined();
  });

  it('is never resent when its messages differ in content and none of them has a result, and says so', async () => {
    const [one, other] = [message(3, payoutEvent('inv-1', 1_000)), message(9, payoutEvent('inv-1', 2_000))];
    for (const instructions of [
      [one, other],
      [other, one],
    ]) {
      const { restored } = await rebuilt({ results: [shown()], instructions });
      const found = restored.filter(({ record }) => record.recordId === 'inv-1');
      expect(found).toMatchObject([{ record: { status: 'unknown', keyLifetimeMs: null, dueAt: null } }]);
      expect(found[0]?.body).toBeUndefined();
      expect(found[0]?.event?.error?.description).toContain('Its messages differ in content');
    }
  });

  it('is resent when a message of other content has a result of its own that says it was not sent', async () => {
    const conflict = published(9, { recordId: 'inv-1', status: 'rejected', sequence: 1 });
    const instructions = [message(9, payoutEvent('inv-1', 2_000)), message(3, payoutEvent('inv-1'))];
    const { restored } = await rebuilt({ results: [shown(), conflict], instructions });
    const found = restored.filter(({ record }) => record.recordId === 'inv-1');
    expect(found).toMatchObject([{ record: { status: 'unknown', dueAt: now, occurrence: place(3) } }]);
  });

  it('is dated by the earliest of its messages, in whatever order they are read', async () => {
    const [first, again] = [message(3, payoutEvent('inv-1')), message(9, payoutEvent('inv-1'), { timestamp: now - 10_000 })];
    for (const instructions of [
      [first, again],
      [again, first],
    ]) {
      const { restored } = await rebuilt({ instructions });
      expect(restored).toMatchObject([{ record: { recordId: 'inv-1', firstSentAt: now - 60_000 } }]);
    }
  });

  it('is never dated later than now', async () => {
    const { restored } = await rebuilt({ instructions: [message(3, payoutEvent('inv-1'), { timestamp: now + 3_000_000 })] });
    expect(restored[0]?.record.firstSentAt).toBe(now);
  });

  it('may have been sent when its record id was rejected at another occurrence, and is never restored as new', async () => {
    const fallen = published(1, {
      recordId: 'inv-1',
      status: 'rejected',
      sequence: 1,
      reason: { code: 'batch_refused', description: 'fell' },
    });
    const { restored, settled } = await rebuilt({
      results: [fallen],
      instructions: [message(1, payoutEvent('inv-1', 7)), message(9, payoutEvent('inv-1'))],
    });
    expect(restored).toMatchObject([{ record: { recordId: 'inv-1', status: 'unknown', sends: 1, sequence: 2, occurrence: place(9) } }]);
    expect(settled).toMatchObject([{ occurrence: place(1), status: 'rejected' }]);
  });
});

describe('an instruction with results', () => {
  const draft = (event: unknown) => {
    const read = readMessage(message(1, event), { now, open: () => Buffer.alloc(0) });
    if (read.type !== 'instruction' || !read.reading.ok) throw new Error('a valid instruction');
    return read.reading.draft;
  };
  const fingerprint = fingerprints.fingerprint(draft(payoutEvent('inv-1')));
  const open = {
    status: 'unknown',
    sequence: 1,
    sends: 1,
    fingerprint,
    reason: { code: 'connection_lost', description: 'lost' },
    ...terms,
  } as const;

  it('is as its newest result left it', async () => {
    const running = published(1, { status: 'in_progress', sequence: 1, sends: 1, sessionId: 'ps_1' });
    const done = published(1, { status: 'succeeded', sequence: 2, sends: 1, sessionId: 'ps_1', entryId: 'po_1' });
    const { restored } = await rebuilt({ results: [done, running, done], instructions: [message(1, payoutEvent('inv-1'))] });
    expect(restored).toMatchObject([{ record: { status: 'succeeded', sequence: 2, sessionId: 'ps_1', entryId: 'po_1', dueAt: null } }]);
    expect(restored[0]?.event).toBeUndefined();
  });

  it('is checked again when it is in progress, and an unproven session stays unproven', async () => {
    const running = { status: 'in_progress', sequence: 1, sends: 1, sessionId: 'ps_1' } as const;
    const proven = await rebuilt({ results: [published(1, running)] });
    expect(proven.restored).toMatchObject([{ record: { status: 'in_progress', sessionId: 'ps_1', isSessionProven: true, dueAt: now } }]);
    const unproven = await rebuilt({ results: [published(1, { ...running, reason: { code: 'session_unproven', description: 'd' } })] });
    expect(unproven.restored).toMatchObject([{ record: { sessionId: 'ps_1', isSessionProven: false } }]);
  });

  it('is resent with its own bytes under the terms of its first send', async () => {
    const { restored } = await rebuilt({ results: [published(1, open)], instructions: [message(1, payoutEvent('inv-1'))] });
    expect(restored).toMatchObject([{ record: { status: 'unknown', firstSentAt: now - 60_000, dueAt: now, ...terms } }]);
    expect(JSON.parse(Buffer.from(restored[0]?.body ?? []).toString())).toMatchObject({ metadata: { record_id: 'inv-1', attempt: 1 } });
  });

  it.each([
    ['its result has no terms', { ...open, keyLifetimeMs: null }, [message(1, payoutEvent('inv-1'))]],
    ['its message has the time of a producer', open, [message(1, payoutEvent('inv-1'), { isBrokerTime: false })]],
    [
      'one of its messages has the time of a producer',
      open,
      [message(1, payoutEvent('inv-1')), message(9, payoutEvent('inv-1'), { isBrokerTime: false })],
    ],
    ['its message has another content', open, [message(1, payoutEvent('inv-1', 7))]],
    ['its message is gone', open, []],
    [
      'its key may be forgotten since its earliest message',
      open,
      [message(1, payoutEvent('inv-1')), message(0, payoutEvent('inv-1'), { timestamp: now - 12 * 3_600_000 })],
    ],
  ] as const)('is never resent when %s', async (_name, record, instructions) => {
    const { restored } = await rebuilt({ results: [published(1, record)], instructions });
    const found = restored.filter(({ record: { occurrence } }) => occurrence.position === 1);
    expect(found).toMatchObject([{ record: { status: 'unknown', dueAt: null } }]);
  });

  describe('that waits to be sent by its newest result', () => {
    const parked = {
      status: 'queued',
      sequence: 1,
      sends: 0,
      fingerprint,
      reason: { code: 'paused', description: 'It waits to be sent: alice paused the batch.' },
    } as const;
    const other = published(7, { recordId: 'other', status: 'succeeded', sequence: 1, sends: 1, ...terms });
    const retried = { ...parked, attempt: 2, idempotencyKey: transitionSettings.keys.idempotencyKey('payout', 'inv-1', 2) } as const;

    it('may have been sent since: it is unknown, told so, and resent with its own bytes', async () => {
      const results = [published(1, parked), other];
      const { restored: all } = await rebuilt({ results, instructions: [message(1, payoutEvent('inv-1'))] });
      const restored = all.filter(({ record }) => record.recordId === 'inv-1');
      expect(restored).toMatchObject([
        {
          record: { status: 'unknown', sequence: 2, sends: 1, firstSentAt: now - 60_000, dueAt: now, ...terms },
          event: { status: 'unknown', sequence: 2, error: { code: 'send_interrupted' } },
        },
      ]);
      expect(JSON.parse(Buffer.from(restored[0]?.body ?? []).toString())).toMatchObject({ metadata: { record_id: 'inv-1', attempt: 1 } });
    });

    it.each([
      ['its message is gone', published(1, parked), []],
      ['its message has another content', published(1, parked), [message(1, payoutEvent('inv-1', 7))]],
      ['it is a later attempt', published(1, retried), [message(1, payoutEvent('inv-1'))]],
      ['its key may be forgotten', published(1, parked), [message(1, payoutEvent('inv-1'), { timestamp: now - 12 * 3_600_000 })]],
    ])('is never resent and never restored as new when %s', async (_name, result, instructions) => {
      const { restored } = await rebuilt({ results: [result, other], instructions });
      const found = restored.filter(({ record }) => record.recordId === 'inv-1' && record.occurrence.position === 1);
      expect(found).toMatchObject([{ record: { status: 'unknown', dueAt: null }, event: { status: 'unknown' } }]);
    });

    it('is never resent when a message of other content has its record id and no result, and says so', async () => {
      const [own, rival] = [message(1, payoutEvent('inv-1')), message(9, payoutEvent('inv-1', 7))];
      for (const instructions of [
        [own, rival],
        [rival, own],
      ]) {
        const { restored: all } = await rebuilt({ results: [published(1, parked), other], instructions });
        const restored = all.filter(({ record }) => record.recordId === 'inv-1');
        expect(restored).toMatchObject([{ record: { status: 'unknown', keyLifetimeMs: null, dueAt: null, occurrence: place(1) } }]);
        expect(restored[0]?.event?.error?.description).toContain('Its messages differ in content');
      }
    });

    it.each([
      ['asks for the same', message(9, payoutEvent('inv-1')), []],
      ['has a result of its own', message(9, payoutEvent('inv-1', 7)), [published(9, { status: 'rejected', sequence: 1 })]],
    ])('is resent when the other message of its record id %s', async (_how, rival, results) => {
      const instructions = [message(1, payoutEvent('inv-1')), rival];
      const { restored } = await rebuilt({ results: [...results, published(1, { ...parked, sequence: 2 }), other], instructions });
      const found = restored.filter(({ record }) => record.recordId === 'inv-1');
      expect(found).toMatchObject([{ record: { status: 'unknown', dueAt: now, occurrence: place(1) } }]);
    });
  });

  it('keeps no body of another content', async () => {
    const { restored } = await rebuilt({ results: [published(1, open)], instructions: [message(1, payoutEvent('inv-1', 7))] });
    expect(restored[0]?.body).toBeUndefined();
  });

  it('is settled at its place only, with its amount, when it was rejected', async () => {
    const refused = rejectedEvent(transitionSettings.keys, {
      refusal: {
        recordId: 'inv-7',
        kind: 'payout',
        amountMinor: 77n,
        currency: 'EUR',
        problems: [{ code: 'iban_length', column: 'iban', message: 'no', value: null }],
      },
      occurrence: place(4),
      batchId: 'may',
      sequence: 1,
      at: now,
    });
    const { settled, restored } = await rebuilt({ results: [refused], instructions: [message(4, payoutEvent('inv-7'))] });
    expect(settled).toMatchObject([{ occurrence: place(4), status: 'rejected', amountMinor: 77n, currency: 'EUR' }]);
    expect(restored).toEqual([]);
  });

  it('is counted as skipped when its result lacks what every result of a record has', async () => {
    const { kind: _kind, ...lacking } = published(1, { status: 'succeeded', sequence: 1, sends: 1 });
    const { restored, report } = await rebuilt({ results: [lacking] });
    expect([restored, report.skipped]).toEqual([[], 1]);
  });
});

describe('a message below the committed offset that ended without a record and without a result', () => {
  const bad = { ...payoutEvent('inv-1'), amount_details: { amount: 0, currency: 'eur' } };

  it('is decided now and published', async () => {
    const { admitted, report } = await rebuilt({ instructions: [message(3, bad)], committed: 4n });
    expect(admitted).toMatchObject([{ occurrence: place(3), content: { type: 'refused' } }]);
    expect(report).toMatchObject({ settled: 1, settled_without_result: 1 });
  });

  it('is left alone when the group has not committed it, or its result is known', async () => {
    const { admitted } = await rebuilt({ instructions: [message(3, bad)], committed: 3n });
    expect(admitted).toEqual([]);
    const told = rejectedEvent(transitionSettings.keys, {
      refusal: {
        recordId: 'inv-1',
        kind: 'payout',
        amountMinor: undefined,
        currency: undefined,
        problems: [{ code: 'amount_zero', column: null, message: 'm', value: null }],
      },
      occurrence: place(3),
      batchId: 'may',
      sequence: 1,
      at: now,
    });
    expect((await rebuilt({ results: [told], instructions: [message(3, bad)], committed: 4n })).admitted).toEqual([]);
  });

  it('is a duplicate of the record that was restored', async () => {
    const done = published(1, { status: 'succeeded', sequence: 1, sends: 1 });
    const instructions = [message(1, payoutEvent('inv-1')), message(3, payoutEvent('inv-1'))];
    const { admitted } = await rebuilt({ results: [done], instructions, committed: 4n });
    expect(admitted).toMatchObject([{ occurrence: place(3), content: { type: 'valid' } }]);
  });
});

describe('the unread backlog', () => {
  const instructions = [message(3, payoutEvent('inv-3')), message(13, payoutEvent('inv-13')), message(14, payoutEvent('inv-14'))];
  const ids = ({ restored }: Awaited<ReturnType<typeof rebuilt>>): string[] => restored.map(({ record }) => record.recordId);

  it('is left for the instances: what is a window beyond the committed offset', async () => {
    const found = await rebuilt({ instructions, committed: 4n, window: 10 });
    expect(ids(found)).toEqual(['inv-3', 'inv-13']);
    expect(found.report).toMatchObject({ unread: 1, without_result: 2 });
  });

  it('begins a window beyond what any result or dead letter shows', async () => {
    const byResult = await rebuilt({
      results: [published(13, { recordId: 'inv-13', status: 'in_progress', sequence: 1, sends: 1, sessionId: 'ps_1' })],
      instructions,
      committed: 0n,
      window: 2,
    });
    expect(byResult.report.unread).toBe(0);
    const byLetter = await rebuilt({ deadLetters: [{ stream: place(0).stream, position: 11 }], instructions, committed: 0n, window: 2 });
    expect(ids(byLetter)).toEqual(['inv-3', 'inv-13']);
  });

  it('is empty when the group has committed nothing', async () => {
    expect(ids(await rebuilt({ instructions, window: 1 }))).toEqual(['inv-3', 'inv-13', 'inv-14']);
  });
});

it('a file of which nothing was enqueued is decided again when it is run again', async () => {
  const batchId = 'ab'.repeat(32);
  const fallen = published(1, {
    batchId,
    occurrence: { stream: `file:${batchId}`, position: 2, source: { file: 'may.csv', line: 2 } },
    status: 'rejected',
    sequence: 1,
    reason: { code: 'batch_refused', description: 'fell' },
  });
  const { phases } = await rebuilt({ results: [fallen] });
  expect(phases).toMatchObject([{ batchId, phase: 'admitting' }]);
});

describe('a file under APPROVAL=required', () => {
  const waiting = (code: string, sequence: number, batchId: string): ResultEvent =>
    published(sequence, { recordId: `inv-${batchId}`, batchId, status: 'queued', sequence, reason: { code, description: 'It waits.' } });

  it('is approved after a rebuild where a result says that it was, and no other file is', async () => {
    const { approved } = await rebuilt({
      results: [waiting('awaiting_approval', 1, 'a'), waiting('approved', 2, 'a'), waiting('awaiting_approval', 1, 'b')],
    });
    expect(approved).toEqual(['a']);
  });
});
