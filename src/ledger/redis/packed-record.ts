/**
 * A packed record: what is kept permanently, in at most 64 bytes, which Redis stores without an object of its own. The form is on
 * disk: never change it.
 *
 *   status (4 bits), kind, card number, sent, resolved | trail, session, proven | currency (2 bytes)
 *   attempt, sequence, version, template, amount, position (varints)
 *   fingerprint (16 bytes) | with a trail: its entries before (varint), hour (varint), head (16 bytes) | with a session: 8 bytes
 */
import type { AuditDetail, AuditEntry } from '../../../batches/audit/audit-entry.ts';
import { packedEntry, packedHead, type AuditChain, type PackedStub } from '../../../batches/audit/hash-chain.ts';
import type { KeyDerivation } from '../../../batches/record/idempotency-key.ts';
import {
  bytesOfPacked,
  hexOfSession,
  packedFingerprint,
  packedSession,
  packFingerprint,
  shortSession,
} from '../../../batches/record/packed.ts';
import type { LedgerRecord } from '../../../batches/record/record.ts';
import { isFinal } from '../../../batches/record/status.ts';
import { statusCode, statusOf } from '../codes.ts';
import { isPlaceImplied, sharedSource, sourceAt } from '../source.ts';
import { readVarint, varint } from '../varint.ts';
import type { RecordTemplate, StoredRecord } from './record-codec.ts';

/** What Redis keeps in the compact form of a hash, as its settings are by default. */
const mostBytes = 64;
const fingerprintBytes = 16;
const hashBytes = 16;
const sessionBytes = 8;

const bits = { payment: 16, card: 32, sent: 64, resolved: 128 } as const;
const more = { trail: 1, session: 2, proven: 4 } as const;

/** Of the time of the entry that takes the place of the trail, the hour is kept. */
const hourMs = 3_600_000;
const hoursBegin = Date.UTC(2025, 0, 1);

/** Shown in place of the person who resolved a record, whose name is dropped. */
export const somebody = 'a person';

const currencyPattern = /^[A-Z]{3}$/;
const letters = 26;
const codeOfA = 65;

/** Whether nothing that must be known beside what is kept would be lost. */
export function isPackable(record: LedgerRecord, keys: KeyDerivation): boolean {
  const { kind, recordId, attempt, occurrence, currency, alerts, amendments } = record;
  return (
    isFinal[record.status] &&
    currencyPattern.test(currency) &&
    amendments.length === 0 &&
    alerts.every(({ acknowledged }) => acknowledged) &&
    record.idempotencyKey === keys.idempotencyKey(kind, recordId, attempt) &&
    isPlaceImplied(sharedSource(occurrence.source), occurrence.position, occurrence.source)
  );
}

/**
 * @param params.template the number of the template
 * @param params.now milliseconds since the epoch
 * @returns undefined when it needs more bytes than there are
 */
export function packRecord(
  record: LedgerRecord,
  { template, now, audit }: { readonly template: number; readonly now: number; readonly audit: Pick<AuditChain, 'pack'> },
): Buffer | undefined {
  const { status, kind, currency, attempt, sequence, version, amountMinor, occurrence, sessionId } = record;
  const head = record.audit;
  const first =
    statusCode[status] |
    (kind === 'payment' ? bits.payment : 0) |
    (record.hasCardNumber ? bits.card : 0) |
    (record.sends > 0 ? bits.sent : 0) |
    (record.resolvedBy === null ? 0 : bits.resolved);
  const second = (head === null ? 0 : more.trail) | (sessionId === null ? 0 : more.session) | (record.isSessionProven ? more.proven : 0);
  const code = [...currency].reduce((sum, letter) => sum * letters + letter.charCodeAt(0) - codeOfA, 0);
  const parts = [
    Buffer.from([first, second, code >> 8, code & 255]),
    ...[attempt, sequence, version, template, Number(amountMinor), occurrence.position].map(varint),
    bytesOfPacked(packFingerprint(record.fingerprint)),
  ];
  if (head !== null) {
    const hours = Math.max(0, Math.floor((now - hoursBegin) / hourMs));
    const [entry] = audit.pack({ recordId: record.recordId, dropped: head.number, at: timeOf(hours), kept: keptOf(record) }).entries;
    parts.push(varint(head.number), varint(hours), Buffer.from(entry?.hash ?? '', 'hex'));
  }
  if (sessionId !== null) parts.push(Buffer.from(hexOfSession(shortSession(sessionId)), 'hex'));
  const bytes = Buffer.concat(parts);
  return bytes.length > mostBytes ? undefined : bytes;
}

const timeOf = (hours: number): number => hoursBegin + hours * hourMs;

/** What the entry in place of the trail says and its hash proves. */
const keptOf = ({ status, attempt, amountMinor, currency, fingerprint }: LedgerRecord): AuditDetail => ({
  status,
  attempt,
  amount: Number(amountMinor),
  currency,
  fingerprint: packFingerprint(fingerprint),
});

/** The code of its status. */
export const codeOfPacked = (bytes: Buffer): number => (bytes[0] ?? 0) & 15;

/** The number of its template. */
export function templateOfPacked(bytes: Buffer): number {
  let at = 4;
  for (let skipped = 0; skipped < 3; skipped += 1) at = readVarint(bytes, at).next;
  return readVarint(bytes, at).value;
}

export function unpackRecord(
  bytes: Buffer,
  recordId: string,
  { batchId, stream, shared }: RecordTemplate,
  keys: KeyDerivation,
): StoredRecord {
  let at = 4;
  const next = (): number => {
    const { value, next: after } = readVarint(bytes, at);
    at = after;
    return value;
  };
  const take = (count: number): Buffer => bytes.subarray(at, (at += count));
  const [first = 0, second = 0, high = 0, low = 0] = bytes;
  const status = statusOf(codeOfPacked(bytes));
  if (status === 'conflict' || status === 'duplicate') throw new RangeError(`the ledger holds a record that is ${status}`);
  const kind = (first & bits.payment) === 0 ? 'payout' : 'payment';
  const [attempt, sequence, version] = [next(), next(), next()];
  next();
  const [amount, position] = [next(), next()];
  const fingerprint = packedFingerprint(take(fingerprintBytes));
  const hasTrail = (second & more.trail) !== 0;
  const stub: Omit<PackedStub, 'kept'> | undefined = hasTrail ? { dropped: next(), at: timeOf(next()) } : undefined;
  const hash = hasTrail ? take(hashBytes).toString('hex') : '';
  const record: LedgerRecord = {
    ...nothingElse,
    recordId,
    kind,
    batchId,
    occurrence: { stream, position, source: sourceAt(shared, position) },
    amountMinor: BigInt(amount),
    currency: currencyOf(high * 256 + low),
    hasCardNumber: (first & bits.card) !== 0,
    fingerprint,
    attempt,
    idempotencyKey: keys.idempotencyKey(kind, recordId, attempt),
    status,
    sequence,
    version,
    sends: (first & bits.sent) === 0 ? 0 : 1,
    sessionId: (second & more.session) === 0 ? null : packedSession(take(sessionBytes).toString('hex')),
    isSessionProven: (second & more.proven) !== 0,
    audit: stub === undefined ? null : packedHead(stub.dropped + 1, hash),
    resolvedBy: (first & bits.resolved) === 0 ? null : somebody,
  };
  const trail: readonly AuditEntry[] = stub === undefined ? [] : [packedEntry({ ...stub, kept: keptOf(record) }, hash)];
  return { record, order: '', token: '', fields: undefined, trail };
}

const currencyOf = (code: number): string =>
  String.fromCharCode(...[Math.floor(code / letters ** 2), Math.floor(code / letters) % letters, code % letters].map((at) => codeOfA + at));

const nothingElse = {
  destination: undefined,
  metadata: undefined,
  firstSentAt: null,
  sentClocks: null,
  keyLifetimeMs: null,
  idempotencyHeader: null,
  alreadyReceived: false,
  entryId: null,
  confirmSession: null,
  cancelSession: null,
  reason: null,
  resend: null,
  dueAt: null,
  checks: 0,
  alerts: [],
  awaitsConfirmationSince: null,
  previousSession: null,
  amendments: [],
  leaseOwner: null,
  leaseUntil: null,
} as const;
