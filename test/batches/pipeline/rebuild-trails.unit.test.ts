import { describe, expect, it } from 'vitest';
import { publishedHash, readAuditEntry } from '../../../batches/audit/audit-entry.ts';
import type { LedgerRecord } from '../../../batches/record/record.ts';
import { duplicateEvent, rejectedEvent, type ResultEvent } from '../../../batches/record/result-event.ts';
import { instructionOf, payoutEvent, queuedRecord, refused, transitionSettings } from '../../support/builders.ts';
import { message, now, place, published, rebuilt } from './rebuilt.ts';

const { audit, keys } = transitionSettings;
const headAt = (number: number) => ({ number, chain: `${number}`.repeat(64).slice(0, 64) });
const succeeded = (patch: Partial<LedgerRecord> = {}): ResultEvent =>
  published(1, { recordId: 'inv-1', status: 'succeeded', sequence: 2, sends: 1, audit: headAt(4), ...patch });

/** The trail of the only record that was restored. */
async function trailOf(topics: Parameters<typeof rebuilt>[0]) {
  const { restored } = await rebuilt(topics);
  const [one] = restored.filter(({ record }) => record.recordId === 'inv-1');
  const entries = one?.audit ?? [];
  const head = one?.record.audit ?? null;
  return { entries, head, read: entries.map(({ text }) => readAuditEntry(text)), event: one?.event };
}

describe('the trail of a restored record', () => {
  it('begins behind the newest head that its results show, in whatever order they are read', async () => {
    const running = published(1, { recordId: 'inv-1', status: 'in_progress', sequence: 1, sends: 1, sessionId: 'ps', audit: headAt(3) });
    for (const results of [
      [running, succeeded()],
      [succeeded(), running],
    ]) {
      const { entries, head, read } = await trailOf({ results });
      expect(read).toEqual([{ number: 5, at: now, event: 'restored', detail: { after: 4, head: publishedHash(headAt(4)) } }]);
      expect(head).toEqual({ number: 5, chain: expect.stringMatching(/^[0-9a-f]{64}$/) as string });
      const shown = [3, 4].map((number) => ({ number, hash: publishedHash(headAt(number)) }));
      expect(audit.verify('inv-1', { entries, head, published: shown })).toEqual({ type: 'whole', from: 5 });
    }
  });

  it.each([
    ['a duplicate', 'duplicate'],
    ['a rejected row', 'rejected'],
  ] as const)('begins behind the head that the result of %s of it shows, when that is the newest', async (_, what) => {
    const common = { occurrence: place(7), batchId: 'may', sequence: 3, at: now, head: headAt(6) };
    const earlier = queuedRecord({ recordId: 'inv-1' });
    const content = refused({ recordId: 'inv-1' });
    if (content.type !== 'refused') throw new Error(content.type);
    const { refusal } = content;
    const event =
      what === 'duplicate'
        ? duplicateEvent(keys, { ...common, draft: instructionOf('inv-1'), earlier })
        : rejectedEvent(keys, { ...common, refusal });
    const { read } = await trailOf({ results: [succeeded(), event] });
    expect(read).toMatchObject([{ number: 7, detail: { after: 6, head: publishedHash(headAt(6)) } }]);
  });

  it('begins with its first entry when no result shows a head', async () => {
    const { read, head, entries } = await trailOf({ results: [succeeded({ audit: null })] });
    expect(read).toEqual([{ number: 1, at: now, event: 'restored', detail: { after: 0, head: '' } }]);
    expect(audit.verify('inv-1', { entries, head, published: [] })).toEqual({ type: 'whole', from: 1 });
  });

  it('begins with its first entry, which its own result shows, when it has no result', async () => {
    const { read, event, entries } = await trailOf({ instructions: [message(3, payoutEvent('inv-1'))] });
    expect(read).toMatchObject([{ number: 1, event: 'restored' }]);
    expect(event).toMatchObject({ audit_number: 1, audit_head: entries[0]?.hash });
  });

  it.each(['', 'x'.repeat(32), 'a'.repeat(31)])('does not begin behind a head that is none: %s', async (head) => {
    const { read } = await trailOf({ results: [{ ...succeeded(), audit_head: head }] });
    expect(read).toMatchObject([{ number: 1, detail: { after: 0 } }]);
  });
});
