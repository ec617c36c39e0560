import { describe, expect, it } from 'vitest';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { countCrash, countOtherAmounts, paidCounts, reportedByDisburse, reportedByPeer } from '../../bench/crash-count.ts';
import { payoutFile } from '../../bench/make-file.ts';
import { ibansOf, readableIbans } from '../../bench/readable-ibans.ts';

describe('the crash count', () => {
  it('distinguishes double payments, missing records and wrong results', () => {
    const calls = [
      { record_id: 'twice', idempotency_key: '1', accepted: true },
      { record_id: 'twice', idempotency_key: '2', accepted: true },
      { record_id: 'repeated', idempotency_key: '3', accepted: true },
      { record_id: 'repeated', idempotency_key: '3', accepted: false },
      { record_id: 'open', idempotency_key: '4', accepted: true },
      { record_id: 'silent', idempotency_key: '5', accepted: true },
    ];
    const told = new Map([
      ['twice', 'succeeded'],
      ['repeated', 'failed'],
      ['open', 'open'],
    ] as const);
    expect(countCrash(['twice', 'repeated', 'open', 'silent', 'never'], calls, told)).toEqual({
      twoKeys: 1,
      paidTwice: 1,
      repeats: 1,
      neverSent: 1,
      noResult: 2,
      reportedWrong: 1,
      reportedOpen: 1,
    });
  });
});

describe('the count of a second file with other amounts', () => {
  it('distinguishes what is paid again, named as a conflict, and reported as succeeded although nothing was sent', () => {
    const paidBefore = new Map(['again', 'conflict', 'silent', 'failed'].map((id) => [id, 1]));
    const calls = [...paidBefore.keys(), 'again'].map((record_id, n) => ({ record_id, idempotency_key: `${n}`, accepted: true }));
    const reported = new Map([
      ['again', 'succeeded'],
      ['conflict', 'succeeded'],
      ['silent', 'succeeded'],
      ['failed', 'failed'],
    ] as const);
    const told = { reported, conflicts: new Set(['conflict']) };
    expect(countOtherAmounts(paidBefore.keys(), { paidBefore, paidAfter: paidCounts(calls), told })).toEqual({
      silent: 1,
      paidAgain: 1,
      conflicts: 1,
      other: 1,
    });
  });
});

describe('what is reported', () => {
  it('by disburse is the event with the highest sequence, and a conflict or duplicate says nothing of the payment', () => {
    const event = (record_id: string, sequence: number, status: string, final: boolean) => ({ record_id, sequence, status, final });
    const { reported, conflicts } = reportedByDisburse([
      event('a', 2, 'succeeded', true),
      event('a', 1, 'in_progress', false),
      event('a', 3, 'conflict', true),
      event('b', 1, 'unknown', false),
      event('c', 1, 'failed', true),
      event('c', 2, 'duplicate', true),
    ]);
    expect([...reported]).toEqual([
      ['a', 'succeeded'],
      ['b', 'open'],
      ['c', 'failed'],
    ]);
    expect([...conflicts]).toEqual(['a']);
  });

  it('by a peer is a success when any of its results says so', () => {
    const result = (record_id: string, status: string) => ({ record_id, status });
    const { reported } = reportedByPeer([result('a', 'succeeded'), result('a', 'failed'), result('b', 'failed')]);
    expect([...reported]).toEqual([
      ['a', 'succeeded'],
      ['b', 'failed'],
    ]);
  });
});

describe('the search for readable IBANs', () => {
  it('finds the accounts of every row in files of subfolders, across the blocks in which they are read', async () => {
    const rows = 40;
    const text = [...payoutFile(rows, 3)].join('');
    const wanted = ibansOf(text);
    expect(wanted.size).toBe(rows);
    const folder = await mkdtemp(join(tmpdir(), 'disburse-readable-'));
    try {
      expect(await readableIbans([folder], wanted)).toBe(0);
      const [first = ''] = wanted;
      // The first account is on both sides of the border of the first block.
      await writeFile(join(folder, 'border'), Buffer.concat([Buffer.alloc((1 << 20) - 7), Buffer.from(first)]));
      expect(await readableIbans([folder], wanted)).toBe(1);
      await writeFile(join(folder, 'all'), text);
      await writeFile(join(folder, 'foreign'), 'DE00123412341234123400');
      expect(await readableIbans([folder], wanted)).toBe(rows);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
