/**
 * What a packed record still shows. At the end of LEDGER_RETENTION a shared ledger packs a record: of its fingerprint and of the
 * ids of its sessions only a hash is kept, so that its content and its session are recognised and cannot be read.
 */
import { hash } from 'node:crypto';
import type { LedgerRecord } from './record.ts';

const fingerprintMark = '~';
const sessionMark = 'sha1:';
const shortLength = sessionMark.length + 16;

/** Of a packed record nothing is known but what is kept permanently. */
export const isPacked = ({ fingerprint }: Pick<LedgerRecord, 'fingerprint'>): boolean => fingerprint.startsWith(fingerprintMark);

/** @param bytes 16 of them */
export const packedFingerprint = (bytes: Buffer): string => `${fingerprintMark}${bytes.toString('base64url')}`;

export const packFingerprint = (fingerprint: string): string =>
  isPacked({ fingerprint }) ? fingerprint : packedFingerprint(hash('sha256', fingerprint, 'buffer').subarray(0, 16));

export const bytesOfPacked = (packed: string): Buffer => Buffer.from(packed.slice(fingerprintMark.length), 'base64url');

/** @param kept that of a record, which may be packed */
export const isSameFingerprint = (kept: string, asked: string): boolean =>
  kept === asked || (isPacked({ fingerprint: kept }) && packFingerprint(asked) === kept);

/** A session id as it is claimed once its record is packed: 10 bytes of its hash, in hex. */
export const packSession = (sessionId: string): string =>
  isPackedSession(sessionId) ? sessionId : `${sessionMark}${hash('sha1', sessionId, 'hex').slice(0, 20)}`;

export const isPackedSession = (sessionId: string): boolean => /^sha1:(?:[0-9a-f]{16}|[0-9a-f]{20})$/.test(sessionId);

/** As a packed record names its session: 8 bytes, in hex. */
export const shortSession = (sessionId: string): string => packSession(sessionId).slice(0, shortLength);

/** @param hex of 8 or 10 bytes */
export const packedSession = (hex: string): string => `${sessionMark}${hex}`;

export const hexOfSession = (packed: string): string => packed.slice(sessionMark.length);

/** The record as it is for one who knows this session id: with the id itself, if the record is packed and the session is its own. */
export const withSession = (record: LedgerRecord, sessionId: string): LedgerRecord =>
  record.sessionId !== null && isPacked(record) && record.sessionId === shortSession(sessionId) ? { ...record, sessionId } : record;
