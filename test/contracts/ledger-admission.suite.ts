import { beforeEach, describe, expect, it } from 'vitest';
import { array, assert, asyncProperty, constantFrom } from 'fast-check';
import { isFinal } from '../../batches/record/status.ts';
import { isBalanced, type TallyRow } from '../../batches/record/tally.ts';
import { recordStatuses, type LedgerUnderTest } from './ledger-harness.ts';
import { admission, batchA, batchB, instructionOf, keys, lineOf, manifest, refused, valid } from '../support/builders.ts';
import { admitted, intent, moved, recordIn, step } from '../support/ledger-steps.ts';
import { admitOne, advanceOne } from '../../batches/ports/single.ts';

const countOf = (rows: readonly TallyRow[], status: TallyRow['status']): number =>
  rows.filter((row) => row.status === status).reduce((count, row) => count + row.count, 0);

export function admissionSuite(under: LedgerUnderTest): void {
  describe('admit', () => {
    beforeEach(async () => {
      await under.ledger.openBatch(manifest(batchA));
      await under.ledger.openBatch(manifest(batchB));
    });

    const events = async (): Promise<Record<string, unknown>[]> =>
      (await under.ledger.outbox({ limit: 100 })).map(({ json }) => JSON.parse(json) as Record<string, unknown>);

    it('keeps the trace of each place, and only that of the place that was first', async () => {
      const traced = (line: number, span: string) => {
        const place = lineOf(batchA, line);
        return { ...place, source: { ...place.source, traceparent: `00-${'a'.repeat(32)}-${span.repeat(16)}-01` } };
      };
      await admitOne(under.ledger, admission(traced(2, 'b'), valid(instructionOf('inv-1'))));
      await admitOne(under.ledger, admission(lineOf(batchA, 3), valid(instructionOf('inv-2'))));
      await admitOne(under.ledger, admission(traced(4, 'c'), valid(instructionOf('inv-1'))));
      await admitOne(under.ledger, admission(traced(2, 'd'), valid(instructionOf('inv-1'))));
      expect((await under.ledger.record('inv-1'))?.occurrence).toEqual(traced(2, 'b'));
      expect((await under.ledger.record('inv-2'))?.occurrence).toEqual(lineOf(batchA, 3));
      const [duplicate] = await events();
      expect(duplicate).toMatchObject({ status: 'duplicate', source: traced(4, 'c').source, earlier: { source: traced(2, 'b').source } });
    });

    it('keeps every member of a new record exactly, also after it is opened again', async () => {
      const draft = instructionOf('inv-1', {
        kind: 'payment',
        amountMinor: 9_007_199_254_740_991n,
        currency: 'KWD',
        metadata: { order: '77' },
        hasCardNumber: true,
      });
      const verdict = await admitOne(under.ledger, admission(lineOf(batchA, 2), valid(draft)));
      const record = {
        recordId: 'inv-1',
        kind: 'payment',
        batchId: batchA,
        occurrence: lineOf(batchA, 2),
        amountMinor: 9_007_199_254_740_991n,
        currency: 'KWD',
        destination: 'DE**…3000',
        metadata: { order: '77' },
        hasCardNumber: true,
        fingerprint: '9007199254740991:same',
        attempt: 1,
        idempotencyKey: keys.idempotencyKey('payment', 'inv-1', 1),
        status: 'queued',
        sequence: 0,
        version: 1,
        firstSentAt: null,
        sentClocks: null,
        keyLifetimeMs: null,
        idempotencyHeader: null,
        sends: 0,
        alreadyReceived: false,
        sessionId: null,
        isSessionProven: false,
        entryId: null,
        confirmSession: null,
        cancelSession: null,
        reason: null,
        resend: null,
        dueAt: null,
        checks: 0,
        audit: { number: 1, chain: expect.stringMatching(/^[0-9a-f]{64}$/) as string },
        alerts: [],
        resolvedBy: null,
        awaitsConfirmationSince: null,
        previousSession: null,
        amendments: [],
        leaseOwner: null,
        leaseUntil: null,
      };
      expect(verdict).toEqual({ type: 'admitted', record });
      const ledger = await under.reopen();
      expect(await ledger.record('inv-1')).toEqual(verdict.type === 'admitted' ? verdict.record : undefined);
      expect(await ledger.record('inv-2')).toBeUndefined();
    });

    it.each([[undefined], ['order 77'], [77], [{ a: { b: 'c' } }]])("keeps the caller's metadata %j as it is", async (metadata) => {
      await admitted(under.ledger, 'inv-1', 2, { metadata, destination: undefined });
      const ledger = await under.reopen();
      expect(await ledger.record('inv-1')).toMatchObject({ metadata, destination: undefined });
    });

    it('keeps the source of each occurrence, also where it does not follow from stream and position', async () => {
      const topic = { stream: 'topic:pay:3', position: 41, source: { topic: 'pay', partition: 3, offset: '41' } };
      const published = { stream: 'topic:pay:3', position: 42, source: { file: 'june.csv', line: 7 } };
      const renamed = lineOf(batchA, 3, 'renamed.csv');
      const places = [topic, published, lineOf(batchA, 2), renamed];
      await Promise.all(places.map((place, index) => admitOne(under.ledger, admission(place, valid(instructionOf(`inv-${index}`))))));
      const ledger = await under.reopen();
      const records = await Promise.all(places.map((_, index) => ledger.record(`inv-${index}`)));
      expect(records.map((record) => record?.occurrence)).toEqual(places);
    });

    it.each(recordStatuses)('returns the present state of a known occurrence whose record is %s, and writes nothing', async (status) => {
      const record = await recordIn(under.ledger, status, 'inv-1', 2);
      const before = { tallies: await under.ledger.tallies(), events: await events() };
      const expected =
        status === 'queued'
          ? { type: 'admitted', record }
          : isFinal[status]
            ? { type: 'settled', status, fresh: false }
            : { type: 'open', record };
      // Neither the content nor the batch that it comes with now counts. Under another record id it cannot come: what is at
      // a place never changes, and a ledger may look for it where its record id leads.
      const other = valid(instructionOf('inv-1', { amountMinor: 9n }), 'other');
      expect(await admitOne(under.ledger, admission(lineOf(batchA, 2), other, batchB))).toEqual(expected);
      expect(await admitOne(under.ledger, admission(lineOf(batchA, 2), refused()))).toEqual(expected);
      expect({ tallies: await under.ledger.tallies(), events: await events() }).toEqual(before);
      const ledger = await under.reopen();
      expect(await admitOne(ledger, admission(lineOf(batchA, 2), valid(instructionOf('inv-1'))))).toEqual(expected);
    });

    it('returns place_taken for a known occurrence under another record id, and writes nothing', async () => {
      await recordIn(under.ledger, 'in_progress', 'inv-1', 2);
      const before = { tallies: await under.ledger.tallies(), events: await events() };
      // A shared ledger keeps a record where its record id leads: whether that is one shard or two.
      for (const other of ['other-1', ...Array.from({ length: 32 }, (_, n) => `more-${n}`)])
        for (const content of [valid(instructionOf(other)), refused({ recordId: other })])
          expect(await admitOne(under.ledger, admission(lineOf(batchA, 2), content))).toEqual({ type: 'place_taken' });
      expect({ tallies: await under.ledger.tallies(), events: await events() }).toEqual(before);
    });

    it('recognises known occurrences that arrive out of order', async () => {
      const order = [9, 4, 7, 2, 9, 2, 4];
      const verdicts = [];
      for (const line of order)
        verdicts.push(await admitOne(under.ledger, admission(lineOf(batchA, line), refused({ recordId: `inv-${line}` }))));
      expect(verdicts.map((verdict) => verdict.type === 'settled' && verdict.fresh)).toEqual([true, true, true, true, false, false, false]);
      expect(countOf(await under.ledger.tallies(batchA), 'received')).toBe(4);
    });

    it('settles an invalid instruction once, and keeps its first verdict when the occurrence comes again', async () => {
      expect(await admitOne(under.ledger, admission(lineOf(batchA, 2), refused()))).toEqual({
        type: 'settled',
        status: 'rejected',
        fresh: true,
      });
      expect(await admitOne(under.ledger, admission(lineOf(batchA, 2), valid(instructionOf('inv-1'))))).toEqual({
        type: 'settled',
        status: 'rejected',
        fresh: false,
      });
      expect(await under.ledger.record('inv-1')).toBeUndefined();
      expect(await events()).toMatchObject([{ status: 'rejected', sequence: 1, record_id: 'inv-1', source: { file: 'may.csv', line: 2 } }]);
    });

    it('counts an invalid instruction without a readable amount in no currency', async () => {
      await admitOne(under.ledger, admission(lineOf(batchA, 2), refused({ amountMinor: undefined, recordId: undefined })));
      await admitOne(under.ledger, admission(lineOf(batchA, 3), refused({ currency: undefined })));
      expect((await under.ledger.tallies(batchA)).toSorted((a, b) => (a.status < b.status ? -1 : 1))).toEqual([
        { status: 'received', currency: '', count: 2, amountMinor: 0n },
        { status: 'rejected', currency: '', count: 2, amountMinor: 0n },
      ]);
    });

    it('leaves the record id of an invalid instruction free, and continues its sequence', async () => {
      await admitOne(under.ledger, admission(lineOf(batchA, 2), refused()));
      await admitOne(under.ledger, admission(lineOf(batchA, 3), refused()));
      expect((await events()).map((event) => event['sequence'])).toEqual([1, 2]);
      await under.reopen();
      const record = await admitted(under.ledger, 'inv-1', 4);
      expect(record.sequence).toBe(2);
      // Now a record has this id, and continues the count.
      await admitOne(under.ledger, admission(lineOf(batchA, 5), refused()));
      expect((await events()).map((event) => event['sequence'])).toEqual([1, 2, 3]);
      expect(await under.ledger.record('inv-1')).toMatchObject({ sequence: 3, version: record.version + 1, status: 'queued' });
    });

    it('settles another occurrence with the same content as a duplicate that names the earlier status', async () => {
      const record = await recordIn(under.ledger, 'in_progress', 'inv-1', 2);
      const verdict = await admitOne(under.ledger, admission(lineOf(batchB, 9), valid(instructionOf('inv-1')), batchB));
      expect(verdict).toEqual({ type: 'settled', status: 'duplicate', fresh: true });
      expect((await events()).at(-1)).toMatchObject({
        status: 'duplicate',
        sequence: record.sequence + 1,
        batch_id: batchB,
        earlier: { status: 'in_progress', batch_id: batchA, source: { file: 'may.csv', line: 2 } },
      });
      expect(await under.ledger.record('inv-1')).toEqual({
        ...record,
        sequence: record.sequence + 1,
        version: record.version + 1,
        audit: { number: 3, chain: expect.any(String) as string },
      });
      expect(await admitOne(under.ledger, admission(lineOf(batchB, 9), valid(instructionOf('inv-1')), batchB))).toEqual({
        type: 'settled',
        status: 'duplicate',
        fresh: false,
      });
    });

    it('settles other content under a bound record id as a conflict that names the differing fields', async () => {
      await admitted(under.ledger, 'inv-1', 2);
      await under.reopen();
      const verdict = await admitOne(under.ledger, admission(lineOf(batchA, 3), valid(instructionOf('inv-1', { amountMinor: 9n }))));
      expect(verdict).toEqual({ type: 'settled', status: 'conflict', fresh: true });
      expect(await events()).toMatchObject([
        { status: 'conflict', fields: ['amount_details.amount'], error: { code: 'record_id_conflict' } },
      ]);
      expect(await under.ledger.record('inv-1')).toMatchObject({ amountMinor: 1230n, version: 2, sequence: 1 });
    });

    it('refuses a change that was decided before a duplicate raised the version', async () => {
      const record = await admitted(under.ledger, 'inv-1', 2);
      await admitOne(under.ledger, admission(lineOf(batchA, 3), valid(instructionOf('inv-1'))));
      const audit = { number: 2, chain: expect.any(String) as string };
      const current = { ...record, version: record.version + 1, sequence: record.sequence + 1, audit };
      expect(await advanceOne(under.ledger, intent(record))).toEqual({ ok: false, why: 'moved', current });
    });

    it.each(['rejected', 'cancelled'] as const)(
      'lets other content take the id of what was %s before anything was sent',
      async (status) => {
        const first = await moved(under.ledger, step(await admitted(under.ledger, 'inv-1', 2), { status }));
        const again = await admitOne(
          under.ledger,
          admission(lineOf(batchB, 2), valid(instructionOf('inv-1', { amountMinor: 50n, currency: 'USD' }), 'corrected'), batchB),
        );
        expect(again).toMatchObject({
          type: 'admitted',
          record: {
            status: 'queued',
            amountMinor: 50n,
            batchId: batchB,
            version: first.version + 1,
            sequence: first.sequence,
            attempt: 1,
            sends: 0,
          },
        });
        // The first place keeps what became of it, whatever becomes of the record.
        if (again.type === 'admitted') await moved(under.ledger, intent(again.record));
        const ledger = await under.reopen();
        expect(await admitOne(ledger, admission(lineOf(batchA, 2), valid(instructionOf('inv-1'))))).toEqual({
          type: 'settled',
          status,
          fresh: false,
        });
        expect(await ledger.tallies(batchA)).toEqual(
          expect.arrayContaining([
            { status: 'received', currency: 'EUR', count: 1, amountMinor: 1230n },
            { status, currency: 'EUR', count: 1, amountMinor: 1230n },
          ]),
        );
        expect(await ledger.tallies(batchB)).toEqual(
          expect.arrayContaining([
            { status: 'received', currency: 'USD', count: 1, amountMinor: 50n },
            { status: 'submitting', currency: 'USD', count: 1, amountMinor: 50n },
          ]),
        );
        // A step that was decided on the former record comes too late.
        expect(await advanceOne(ledger, step(first, { reason: { code: 'late', description: 'late' } }))).toMatchObject({
          ok: false,
          current: { amountMinor: 50n },
        });
      },
    );

    it('keeps the record id bound when the record was cancelled after it was sent', async () => {
      await recordIn(under.ledger, 'cancelled', 'inv-1', 2);
      expect(await admitOne(under.ledger, admission(lineOf(batchB, 2), valid(instructionOf('inv-1')), batchB))).toMatchObject({
        type: 'settled',
        status: 'duplicate',
      });
    });

    it('counts the duplicates of records that have not succeeded', async () => {
      const record = await admitted(under.ledger, 'inv-1', 2);
      await admitted(under.ledger, 'inv-2', 3);
      await admitOne(under.ledger, admission(lineOf(batchB, 2), valid(instructionOf('inv-1')), batchB));
      await admitOne(under.ledger, admission(lineOf(batchB, 3), valid(instructionOf('inv-2')), batchB));
      await admitOne(under.ledger, admission(lineOf(batchB, 4), valid(instructionOf('inv-2', { amountMinor: 1n })), batchB));
      expect(await under.ledger.countUnsettledDuplicates({ batchId: batchB, exceptInProgress: false })).toBe(2);
      expect(await under.ledger.countUnsettledDuplicates({ batchId: batchA, exceptInProgress: false })).toBe(0);
      const current = await under.ledger.record('inv-1');
      await moved(under.ledger, step({ ...record, ...current }, { status: 'succeeded', sends: 1, firstSentAt: 1 }));
      expect(await under.ledger.countUnsettledDuplicates({ batchId: batchB, exceptInProgress: false })).toBe(1);
    });

    it('counts a duplicate still when its record id was reused by other content that succeeded', async () => {
      const record = await admitted(under.ledger, 'inv-1', 2);
      await admitOne(under.ledger, admission(lineOf(batchA, 3), valid(instructionOf('inv-1'))));
      const seen = (await under.ledger.record('inv-1')) ?? record;
      await moved(under.ledger, step(seen, { status: 'rejected' }));
      const other = await admitted(under.ledger, 'inv-1', 2, { amountMinor: 5n }, batchB);
      await moved(under.ledger, step(await moved(under.ledger, intent(other)), { status: 'succeeded' }));
      expect(await under.ledger.countUnsettledDuplicates({ batchId: batchA, exceptInProgress: false })).toBe(1);
    });

    it('admits exactly one of many concurrent occurrences of a record id, in any order', async () => {
      let run = 0;
      await assert(
        asyncProperty(array(constantFrom('same', 'other'), { minLength: 2, maxLength: 40 }), async (contents) => {
          run += 1;
          const recordId = `many-${run}`;
          const verdicts = await Promise.all(
            contents.map((content, index) =>
              admitOne(
                under.ledger,
                admission(lineOf(batchA, run * 1_000 + contents.length - index), valid(instructionOf(recordId), content)),
              ),
            ),
          );
          const kept = await under.ledger.record(recordId);
          const same = contents.filter((content) => kept?.fingerprint === `1230:${content}`).length;
          const told = verdicts.map((verdict) => (verdict.type === 'settled' ? verdict.status : verdict.type));
          expect(told.filter((type) => type === 'admitted')).toHaveLength(1);
          expect(told.filter((type) => type === 'duplicate')).toHaveLength(same - 1);
          expect(told.filter((type) => type === 'conflict')).toHaveLength(contents.length - same);
          expect(kept).toMatchObject({ sequence: contents.length - 1, version: contents.length });
        }),
        { numRuns: 20 },
      );
      expect(isBalanced(await under.ledger.tallies(batchA))).toBe(true);
    });

    it('settles an occurrence once, however many concurrent calls bring it', async () => {
      const verdicts = await Promise.all(Array.from({ length: 30 }, () => admitOne(under.ledger, admission(lineOf(batchA, 2), refused()))));
      expect(verdicts.filter((verdict) => verdict.type === 'settled' && verdict.fresh)).toHaveLength(1);
      expect(countOf(await under.ledger.tallies(), 'received')).toBe(1);
      expect(await events()).toHaveLength(1);
    });

    it('returns the verdicts of a group in the order of its admissions', async () => {
      await admitted(under.ledger, 'inv-1', 2);
      const verdicts = await under.ledger.admit([
        admission(lineOf(batchA, 3), valid(instructionOf('inv-3'))),
        admission(lineOf(batchA, 2), valid(instructionOf('inv-1'))),
        admission(lineOf(batchA, 4), refused({ recordId: 'inv-4' })),
        admission(lineOf(batchA, 5), valid(instructionOf('inv-1'))),
        admission(lineOf(batchA, 6), valid(instructionOf('inv-3', { amountMinor: 7n }))),
      ]);
      expect(verdicts).toMatchObject([
        { type: 'admitted', record: { recordId: 'inv-3' } },
        { type: 'admitted', record: { recordId: 'inv-1' } },
        { type: 'settled', status: 'rejected', fresh: true },
        { type: 'settled', status: 'duplicate', fresh: true },
        { type: 'settled', status: 'conflict', fresh: true },
      ]);
      expect(countOf(await under.ledger.tallies(), 'received')).toBe(5);
      expect(await under.ledger.admit([])).toEqual([]);
    });

    it.each([
      ['an amount above 2^53 - 1', admission(lineOf(batchA, 3), valid(instructionOf('inv-1', { amountMinor: 9_007_199_254_740_992n })))],
      ['a negative amount of a rejected row', admission(lineOf(batchA, 3), refused({ amountMinor: -1n }))],
      ['a position that is no whole number', admission(lineOf(batchA, 3.5), valid(instructionOf('inv-1')))],
    ])('rejects %s and writes nothing', async (_, asked) => {
      await expect(admitOne(under.ledger, asked)).rejects.toThrow(RangeError);
      expect(await under.ledger.record('inv-1')).toBeUndefined();
      expect(await under.ledger.tallies()).toEqual([]);
    });

    it('writes the other calls of a group when one of them fails', async () => {
      const before = await admitted(under.ledger, 'inv-1', 2);
      const broken = admission(lineOf(batchA, 3), valid(instructionOf('inv-2')), 'f'.repeat(64));
      const [first, second, failed] = await Promise.allSettled([
        advanceOne(under.ledger, intent(before)),
        // The first of its stream.
        admitOne(under.ledger, admission(lineOf(batchB, 4), valid(instructionOf('inv-3')), batchB)),
        admitOne(under.ledger, broken),
      ]);
      expect(first).toEqual({ status: 'fulfilled', value: { ok: true } });
      expect(failed).toMatchObject({ status: 'rejected', reason: { message: expect.stringContaining('never opened') as string } });
      expect(second).toMatchObject({ status: 'fulfilled', value: { type: 'admitted' } });
      // The same holds for what comes next.
      await admitted(under.ledger, 'inv-4', 5, {}, batchB);
      const ledger = await under.reopen();
      expect(await ledger.record('inv-1')).toEqual(intent(before).after);
      expect(await ledger.record('inv-2')).toBeUndefined();
      expect(await ledger.record('inv-3')).toMatchObject({ occurrence: lineOf(batchB, 4) });
      expect(await ledger.record('inv-4')).toMatchObject({ occurrence: lineOf(batchB, 5) });
      expect(countOf(await ledger.tallies(), 'received')).toBe(3);
      expect(await admitted(ledger, 'inv-2', 3)).toMatchObject({ status: 'queued' });
    });
  });
}
